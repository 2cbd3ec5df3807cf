//! Generalises a user agent to browser family, major version and operating system: `Chrome 126 / Windows`.
//!
//! Invariant: the output is made of the words in this file and one number of at most three digits. Nothing else of the
//! agent comes through, so an agent that names a person or a device becomes `other`.

use std::borrow::Cow;
use std::io::Write;

/// Bytes of an agent that are looked at; real ones are shorter, and what comes after can only be a remainder.
const AGENT_BYTES_MAX: usize = 1024;
/// Digits of a major version that is kept. A longer number is more likely a build, or a serial number.
const MAJOR_DIGITS_MAX: usize = 3;
/// What an unknown agent becomes.
const OTHER: &str = "other";

/// Product tokens (RFC 9110, section 10.1.5) and their families, the most telling first: Edge also calls itself Chrome
/// and Safari, and crawlers call themselves browsers.
const FAMILIES: [(&str, &str); 66] = [
    ("Googlebot", "Googlebot"),
    ("Googlebot-Image", "Googlebot"),
    ("AdsBot-Google", "AdsBot-Google"),
    ("bingbot", "bingbot"),
    ("YandexBot", "YandexBot"),
    ("Baiduspider", "Baiduspider"),
    ("DuckDuckBot", "DuckDuckBot"),
    ("Applebot", "Applebot"),
    ("AhrefsBot", "AhrefsBot"),
    ("SemrushBot", "SemrushBot"),
    ("MJ12bot", "MJ12bot"),
    ("PetalBot", "PetalBot"),
    ("GPTBot", "GPTBot"),
    ("ClaudeBot", "ClaudeBot"),
    ("CCBot", "CCBot"),
    ("facebookexternalhit", "facebookexternalhit"),
    ("Twitterbot", "Twitterbot"),
    ("LinkedInBot", "LinkedInBot"),
    ("Slackbot", "Slackbot"),
    ("UptimeRobot", "UptimeRobot"),
    ("kube-probe", "kube-probe"),
    ("GoogleHC", "GoogleHC"),
    ("ELB-HealthChecker", "ELB-HealthChecker"),
    ("Prometheus", "Prometheus"),
    ("Blackbox Exporter", "Blackbox Exporter"),
    ("Grafana", "Grafana"),
    ("curl", "curl"),
    ("Wget", "Wget"),
    ("python-requests", "python-requests"),
    ("python-httpx", "python-httpx"),
    ("Python-urllib", "Python-urllib"),
    ("aiohttp", "aiohttp"),
    ("Go-http-client", "Go-http-client"),
    ("okhttp", "okhttp"),
    ("Apache-HttpClient", "Apache-HttpClient"),
    ("Java-http-client", "Java-http-client"),
    ("Java", "Java"),
    ("axios", "axios"),
    ("node-fetch", "node-fetch"),
    ("undici", "undici"),
    ("PostmanRuntime", "PostmanRuntime"),
    ("insomnia", "insomnia"),
    ("HTTPie", "HTTPie"),
    ("libwww-perl", "libwww-perl"),
    ("GuzzleHttp", "GuzzleHttp"),
    ("reqwest", "reqwest"),
    ("hyper", "hyper"),
    ("git", "git"),
    ("Edg", "Edge"),
    ("EdgA", "Edge"),
    ("EdgiOS", "Edge"),
    ("Edge", "Edge"),
    ("OPR", "Opera"),
    ("OPiOS", "Opera"),
    ("Opera", "Opera"),
    ("SamsungBrowser", "Samsung Internet"),
    ("YaBrowser", "Yandex Browser"),
    ("Vivaldi", "Vivaldi"),
    ("FxiOS", "Firefox"),
    ("Firefox", "Firefox"),
    ("CriOS", "Chrome"),
    ("HeadlessChrome", "Chrome"),
    ("Chrome", "Chrome"),
    ("Version", "Safari"),
    ("CFNetwork", "CFNetwork"),
    ("Dalvik", "Dalvik"),
];

/// By the last byte of a product token: which of [`FAMILIES`] have it, by rank, as bits. Hardly any word gets past it.
static FAMILIES_BY_LAST: [u128; 256] = {
    let mut families = [0; 256];
    let mut rank = 0;
    while rank < FAMILIES.len() {
        assert!(rank < u128::BITS as usize);
        let token = FAMILIES[rank].0.as_bytes();
        families[token[token.len() - 1] as usize] |= 1 << rank;
        rank += 1;
    }
    families
};

/// Signs of an operating system, the most telling first: iPhones say `like Mac OS X`, Android says `Linux`.
const SYSTEMS: [(&str, &str); 13] = [
    ("iPhone", "iOS"),
    ("iPad", "iOS"),
    ("iPod", "iOS"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Macintosh", "macOS"),
    ("Mac OS X", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Darwin", "Darwin"),
    ("FreeBSD", "FreeBSD"),
    ("OpenBSD", "OpenBSD"),
    ("Linux", "Linux"),
    ("X11", "Unix"),
];

/// Appends the family of `agent`, its major version and its operating system to `out`; `other` if the family is unknown.
pub fn generalize(agent: &[u8], out: &mut Vec<u8>) {
    let agent = &*spaced(agent.get(..AGENT_BYTES_MAX).unwrap_or(agent));
    let Some((family, major)) = family(agent) else {
        out.extend_from_slice(OTHER.as_bytes());
        return;
    };
    out.extend_from_slice(family.as_bytes());
    if let Some(major) = major {
        // Writing into memory cannot fail.
        write!(out, " {major}").unwrap_or_default();
    }
    if let Some((_, system)) = SYSTEMS.iter().find(|(sign, _)| find(agent, sign.as_bytes()).is_some()) {
        out.extend_from_slice(b" / ");
        out.extend_from_slice(system.as_bytes());
    }
}

/// The agent with its spaces, which W3C logs write as `+` and others as `%20`.
fn spaced(agent: &[u8]) -> Cow<'_, [u8]> {
    let encoded = !agent.contains(&b' ') && agent.iter().any(|byte| matches!(byte, b'+' | b'%'));
    if !encoded {
        return Cow::Borrowed(agent);
    }
    let mut rest = agent;
    let mut text = Vec::with_capacity(agent.len());
    while let [first, behind @ ..] = rest {
        let (byte, after) = match rest {
            [b'%', b'2', b'0', after @ ..] | [b'+', after @ ..] => (b' ', after),
            _ => (*first, behind),
        };
        text.push(byte);
        rest = after;
    }
    Cow::Owned(text)
}

/// The family of `agent` and its major version.
fn family(agent: &[u8]) -> Option<(&'static str, Option<u16>)> {
    // `Version/` belongs to Safari only beside its name; Android's old browser says both.
    let is_safari = || find(agent, b"Safari/").is_some() && find(agent, b"Android").is_none();
    let products = memchr::memchr_iter(b'/', agent).filter_map(|slash| {
        let (before, behind) = agent.split_at_checked(slash)?;
        let rank = ranks(FAMILIES_BY_LAST[usize::from(*before.last()?)]).find(|rank| {
            let (token, family) = FAMILIES[*rank];
            is_product(before, token.as_bytes()) && (family != "Safari" || is_safari())
        })?;
        Some((rank, behind.get(1..)?))
    });
    // Of equal rank the first.
    match products.min_by_key(|(rank, _)| *rank) {
        Some((rank, behind)) => Some((FAMILIES[rank].1, major(behind))),
        None => internet_explorer(agent).map(|major| ("Internet Explorer", major)),
    }
}

/// Whether what stands before a slash ends in a product token.
fn is_product(before: &[u8], token: &[u8]) -> bool {
    before.strip_suffix(token).is_some_and(|before| before.last().is_none_or(|byte| b" (;,/\t".contains(byte)))
}

/// The places of the bits that are set, ascending.
fn ranks(mut bits: u128) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let rank = (bits != 0).then(|| bits.trailing_zeros() as usize)?;
        bits &= bits - 1;
        Some(rank)
    })
}

/// Where `sign` first stands. Agents are short: preparing a searcher would cost more than the search.
fn find(agent: &[u8], sign: &[u8]) -> Option<usize> {
    let first = sign.first()?;
    memchr::memchr_iter(*first, agent).find(|at| agent.get(*at..).is_some_and(|rest| rest.starts_with(sign)))
}

/// The version of Internet Explorer, which names itself outside product tokens.
fn internet_explorer(agent: &[u8]) -> Option<Option<u16>> {
    let behind = |sign: &[u8]| find(agent, sign).and_then(|at| agent.get(at + sign.len()..));
    let version = behind(b"MSIE ").or_else(|| behind(b"Trident/").and(behind(b"rv:")))?;
    Some(major(version))
}

/// The number that `version` starts with.
fn major(version: &[u8]) -> Option<u16> {
    let digits = version.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let digits = version.get(..digits).filter(|digits| digits.len() <= MAJOR_DIGITS_MAX)?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn generalized(agent: &[u8]) -> String {
        let mut out = Vec::new();
        generalize(agent, &mut out);
        String::from_utf8(out).expect("the output is made of ASCII words")
    }

    /// [`family`] family by family, each at the first slash that it stands before.
    fn family_by_rank(agent: &[u8]) -> Option<(&'static str, Option<u16>)> {
        let is_safari = find(agent, b"Safari/").is_some() && find(agent, b"Android").is_none();
        let slashes = || (0..agent.len()).filter(|at| agent[*at] == b'/');
        FAMILIES
            .iter()
            .filter(|(_, family)| *family != "Safari" || is_safari)
            .find_map(|(token, family)| {
                let stands = |slash: &usize| {
                    let before = agent[..*slash].strip_suffix(token.as_bytes());
                    before.is_some_and(|before| before.last().is_none_or(|byte| b" (;,/\t".contains(byte)))
                };
                slashes().find(stands).map(|slash| (*family, major(&agent[slash + 1..])))
            })
            .or_else(|| internet_explorer(agent).map(|major| ("Internet Explorer", major)))
    }

    fn products() -> impl Strategy<Value = String> {
        let token = proptest::sample::select(&FAMILIES[..]).prop_map(|(token, _)| token.to_owned());
        let word = prop_oneof![3 => token, 1 => "(Safari|Android|MSIE |[a-zA-Z]{1,6})"];
        let product = (word, "[/ ]", "[0-9]{0,4}", "[ (;,/\t.x]")
            .prop_map(|(word, slash, number, end)| word + &slash + &number + &end);
        proptest::collection::vec(product, 0..6).prop_map(|products| products.concat())
    }

    proptest! {
        #[test]
        fn the_most_telling_product_counts(agent in products()) {
            prop_assert_eq!(family(agent.as_bytes()), family_by_rank(agent.as_bytes()));
        }
    }

    #[test]
    fn agents() {
        for (agent, expected) in [
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36",
                "Chrome 126 / Windows",
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36 Edg/126.0.0.0",
                "Edge 126 / Windows",
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/125.0.0.0 Safari/537.36 OPR/111.0.0.0",
                "Opera 111 / Windows",
            ),
            (
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 14_5) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Safari/605.1.15",
                "Safari 17 / macOS",
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1",
                "Safari 17 / iOS",
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/126.0.6478.54 Mobile/15E148 Safari/604.1",
                "Chrome 126 / iOS",
            ),
            (
                "Mozilla/5.0 (iPad; CPU OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) FxiOS/127.0 Mobile/15E148 Safari/605.1.15",
                "Firefox 127 / iOS",
            ),
            ("Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0", "Firefox 127 / Linux"),
            (
                "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Mobile Safari/537.36",
                "Chrome 126 / Android",
            ),
            (
                "Mozilla/5.0 (Linux; Android 14; SM-S918B) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/25.0 Chrome/121.0.0.0 Mobile Safari/537.36",
                "Samsung Internet 25 / Android",
            ),
            (
                "Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36",
                "Chrome 126 / ChromeOS",
            ),
            (
                "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/126.0.0.0 Safari/537.36",
                "Chrome 126 / Linux",
            ),
            ("Mozilla/5.0 (Windows NT 10.0; WOW64; Trident/7.0; rv:11.0) like Gecko", "Internet Explorer 11 / Windows"),
            ("Mozilla/4.0 (compatible; MSIE 8.0; Windows NT 6.1)", "Internet Explorer 8 / Windows"),
            ("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", "Googlebot 2"),
            ("Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)", "bingbot 2"),
            ("Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)", "other"),
            (
                "Mozilla/5.0+(Macintosh;+Intel+Mac+OS+X+10_9_4)+AppleWebKit/537.36+(KHTML,+like+Gecko)+Chrome/126.0.0.0+Safari/537.36",
                "Chrome 126 / macOS",
            ),
            (
                "Mozilla/5.0%20(X11;%20Linux%20x86_64;%20rv:127.0)%20Gecko/20100101%20Firefox/127.0",
                "Firefox 127 / Linux",
            ),
            ("curl/8.5.0", "curl 8"),
            ("Wget/1.21.4 (linux-gnu)", "Wget 1"),
            ("python-requests/2.32.3", "python-requests 2"),
            ("Go-http-client/1.1", "Go-http-client 1"),
            ("okhttp/4.12.0", "okhttp 4"),
            ("okhttp/4.12.0 (Android 14)", "okhttp 4 / Android"),
            ("Dalvik/2.1.0 (Linux; U; Android 14; Pixel 8 Build/AP1A)", "Dalvik 2 / Android"),
            ("ExampleApp/12 CFNetwork/1494.0.7 Darwin/23.4.0", "CFNetwork / Darwin"),
            ("Java/17.0.11", "Java 17"),
            ("kube-probe/1.30", "kube-probe 1"),
            ("ELB-HealthChecker/2.0", "ELB-HealthChecker 2"),
            ("alice@example.com 192.0.2.1", "other"),
            ("Chrome/", "Chrome"),
            ("Chrome/1234567890", "Chrome"),
            ("MyCurlcurl/8", "other"),
            ("", "other"),
        ] {
            assert_eq!(generalized(agent.as_bytes()), expected, "{agent}");
        }
    }

    /// Whether `output` is a family, perhaps a number of at most three digits, perhaps a system.
    fn is_closed(output: &str) -> bool {
        let (left, system) = output.split_once(" / ").map_or((output, None), |(left, system)| (left, Some(system)));
        let families = FAMILIES.iter().map(|(_, family)| *family).chain(["Internet Explorer"]);
        let known = |family: &str| families.clone().any(|known| known == family);
        let versioned = |(family, major): (&str, &str)| {
            known(family)
                && (1..=MAJOR_DIGITS_MAX).contains(&major.len())
                && major.bytes().all(|byte| byte.is_ascii_digit())
        };
        let known_system = system.is_none_or(|system| SYSTEMS.iter().any(|(_, known)| *known == system));
        output == OTHER || known_system && (known(left) || left.rsplit_once(' ').is_some_and(versioned))
    }

    proptest! {
        #[test]
        fn output_is_closed(parts in prop::collection::vec(
            prop_oneof![
                prop::sample::select(&FAMILIES[..]).prop_map(|(token, _)| token.as_bytes().to_vec()),
                prop::sample::select(&SYSTEMS[..]).prop_map(|(sign, _)| sign.as_bytes().to_vec()),
                "[0-9]{1,6}|[ /;().]|MSIE |Trident/|rv:|Safari/|alice".prop_map(String::into_bytes),
                prop::collection::vec(any::<u8>(), 0..8),
            ], 0..12))
        {
            let output = generalized(&parts.concat());
            prop_assert!(is_closed(&output), "{output}");
        }
    }
}

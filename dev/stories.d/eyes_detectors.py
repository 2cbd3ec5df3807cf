"""Detectors of personal data and secrets that are not ours, behind one function: hits(line) -> [(detector, type, start, end)].

Presidio's recognizers run without a language model: an engine that knows no words stands in for it, so all that is left is
its patterns and checks (check digits, phonenumbers, contexts). What is asked for is told in KINDS; dates and host names
are no one's, and pseudonymisation keeps them.
"""

import re, socket

import tldextract
from detect_secrets.core.plugins.util import get_mapping_from_secret_type_to_class
from detect_secrets.settings import default_settings
from presidio_analyzer import AnalyzerEngine, RecognizerRegistry
from presidio_analyzer.nlp_engine import NlpArtifacts, NlpEngine
import crim  # commonregex-improved
import iocextract

# Presidio's name of a kind -> ours.
KINDS = {
    "EMAIL_ADDRESS": "e-mail", "IP_ADDRESS": "ip", "MAC_ADDRESS": "mac", "PHONE_NUMBER": "phone", "CREDIT_CARD": "card",
    "IBAN_CODE": "iban", "CRYPTO": "wallet", "US_SSN": "ssn", "UK_NINO": "ssn", "US_ITIN": "ssn",
}
SCORE_MIN = 0.4  # as in Presidio's own examples; below it stand patterns such as "nine digits"
CRIM = {
    "e-mail": crim.re_email, "ip": crim.re_ipv4, "mac": crim.re_mac_address, "ssn": crim.re_ssn, "iban": crim.re_iban_number,
    "wallet": crim.re_btc_address,
}


class NoWords(NlpEngine):
    """A language engine that knows no words, so that no model need be had."""

    engine_name = "no-words"

    def load(self): pass
    def is_loaded(self): return True
    def process_text(self, text, language): return NlpArtifacts([], None, [], [], self, language)
    def process_batch(self, texts, language, **_): return ((text, self.process_text(text, language)) for text in texts)
    def is_stopword(self, word, language): return False
    def is_punct(self, word, language): return False
    def get_supported_entities(self): return []
    def get_supported_languages(self): return ["en"]


def offline(*_, **__):
    raise OSError("no detector may ask the network")


# The list of public suffixes that comes with the package, not one from the network.
socket.create_connection = offline
for module in (tldextract, tldextract.tldextract):
    module.extract = tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None)

registry = RecognizerRegistry()
registry.load_predefined_recognizers(languages=["en"])
presidio = AnalyzerEngine(registry=registry, nlp_engine=NoWords(), supported_languages=["en"])
with default_settings():
    secrets = [plugin() for plugin in get_mapping_from_secret_type_to_class().values()]
crim_patterns = {kind: re.compile(pattern, re.IGNORECASE if kind == "e-mail" else 0) for kind, pattern in CRIM.items()}


def places(line, values):
    """Where these values stand in the line, which their detectors don't say."""
    for value in set(values):
        start = line.find(value)
        while start >= 0:
            yield start, start + len(value)
            start = line.find(value, start + len(value))


def hits(line):
    """All that the detectors find in a line, as (detector, kind, start, end)."""
    found = [("presidio", KINDS[hit.entity_type], hit.start, hit.end)
             for hit in presidio.analyze(line, language="en", entities=list(KINDS), score_threshold=SCORE_MIN)]
    found += [("commonregex", kind, hit.start(), hit.end())
              for kind, pattern in crim_patterns.items() for hit in pattern.finditer(line)]
    for kind, values in (("ip", iocextract.extract_ips(line)), ("e-mail", iocextract.extract_emails(line))):
        found += [("iocextract", kind, *place) for place in places(line, values)]
    for plugin in secrets:
        for hit in plugin.analyze_line(filename="", line=line, line_number=1):
            kind = "ip" if plugin.secret_type.startswith("Public IP") else f"secret: {plugin.secret_type}"
            found += [("detect-secrets", kind, *place) for place in places(line, [hit.secret_value])]
    return found

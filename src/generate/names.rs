//! Given and family names in several scripts, from which people are made up. A name by itself is nobody's.
//!
//! Each stands with the Latin letters in which its bearer would write a login name: `Jürgen=juergen`.

/// Names that go together.
pub(super) struct Culture {
    pub(super) given: Vec<Name>,
    pub(super) family: Vec<Name>,
    pub(super) order: Order,
}

/// A name, in its own script and in Latin letters.
#[derive(Debug, Clone, Copy)]
pub(super) struct Name {
    pub(super) native: &'static str,
    pub(super) latin: &'static str,
}

/// How a full name is put together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// `Alice Bennett`
    GivenFirst,
    /// `Nguyễn Minh`
    FamilyFirst,
    /// `王芳`
    FamilyFirstUnspaced,
}

/// Every culture that is known here.
pub(super) fn cultures() -> Vec<Culture> {
    let culture = |(given, family, order)| Culture { given: names(given), family: names(family), order };
    CULTURES.map(culture).into()
}

fn names(list: &'static str) -> Vec<Name> {
    let pairs = list.split_ascii_whitespace().filter_map(|pair| pair.split_once('='));
    pairs.map(|(native, latin)| Name { native, latin }).collect()
}

/// Given names, family names, and which come first.
const CULTURES: [(&str, &str, Order); 14] = [
    (
        "Alice=alice Oliver=oliver Grace=grace Henry=henry Ruby=ruby Arthur=arthur Molly=molly Felix=felix",
        "Bennett=bennett Hughes=hughes Palmer=palmer O’Connor=oconnor Cooper=cooper Marsh=marsh Doyle=doyle Fletcher=fletcher",
        Order::GivenFirst,
    ),
    (
        "Jürgen=juergen Käthe=kaethe Sören=soeren Lena=lena Björn=bjoern Heike=heike Matthias=matthias Anneliese=anneliese",
        "Müller=mueller Schäfer=schaefer Weiß=weiss Köhler=koehler Vogt=vogt Krämer=kraemer Brandt=brandt Lindner=lindner",
        Order::GivenFirst,
    ),
    (
        "Zoé=zoe François=francois Élodie=elodie Benoît=benoit Chloé=chloe Rémi=remi Hélène=helene Mathieu=mathieu",
        "Lefèvre=lefevre Moreau=moreau Dubois=dubois Gauthier=gauthier Béranger=beranger Roussel=roussel Chevalier=chevalier Fabre=fabre",
        Order::GivenFirst,
    ),
    (
        "Łukasz=lukasz Małgorzata=malgorzata Grażyna=grazyna Paweł=pawel Zofia=zofia Michał=michal Kasia=kasia Stanisław=stanislaw",
        "Wójcik=wojcik Kowalczyk=kowalczyk Krawiec=krawiec Dąbek=dabek Król=krol Zaręba=zareba Pająk=pajak Żak=zak",
        Order::GivenFirst,
    ),
    (
        "Ayşe=ayse İbrahim=ibrahim Çağla=cagla Ömer=omer Gülay=gulay Emre=emre Şirin=sirin Barış=baris",
        "Yıldız=yildiz Şahin=sahin Öztürk=ozturk Çelik=celik Demir=demir Koçak=kocak Aydın=aydin Güneş=gunes",
        Order::GivenFirst,
    ),
    (
        "José=jose María=maria Íñigo=inigo Begoña=begona Ángel=angel Lucía=lucia Andrés=andres Rocío=rocio",
        "Muñoz=munoz Ibáñez=ibanez García=garcia Núñez=nunez Peña=pena Vázquez=vazquez Ríos=rios Solís=solis",
        Order::GivenFirst,
    ),
    (
        "Анна=anna Дмитрий=dmitri Ольга=olga Сергей=sergei Наталья=natalia Иван=ivan Полина=polina Павел=pavel",
        "Коваленко=kovalenko Шевченко=shevchenko Бондаренко=bondarenko Черных=chernykh Мельник=melnik Ткаченко=tkachenko Гончар=gonchar Лысенко=lysenko",
        Order::GivenFirst,
    ),
    (
        "Ελένη=eleni Γιώργος=giorgos Κατερίνα=katerina Νίκος=nikos Δήμητρα=dimitra Σπύρος=spyros Ιωάννα=ioanna Θανάσης=thanasis",
        "Παππά=pappa Γεωργίου=georgiou Δημητρίου=dimitriou Νικολάου=nikolaou Βασιλείου=vasileiou Ιωάννου=ioannou Οικονόμου=oikonomou Αντωνίου=antoniou",
        Order::GivenFirst,
    ),
    (
        "ليلى=layla يوسف=yusuf فاطمة=fatima عمر=umar مريم=maryam خالد=khalid نور=nour سامي=sami",
        "حداد=haddad منصور=mansour خوري=khoury نجار=najjar سليمان=sulayman عباس=abbas قاسم=qasim صالح=salih",
        Order::GivenFirst,
    ),
    (
        "आरव=aarav प्रिया=priya रोहन=rohan अनीता=anita विक्रम=vikram मीरा=meera अर्जुन=arjun सुनीता=sunita",
        "शर्मा=sharma वर्मा=verma गुप्ता=gupta जोशी=joshi मेहता=mehta पटेल=patel मिश्रा=mishra नायर=nair",
        Order::GivenFirst,
    ),
    (
        "Thảo=thao Minh=minh Hương=huong Đức=duc Lan=lan Tuấn=tuan Ngọc=ngoc Hùng=hung",
        "Nguyễn=nguyen Trần=tran Phạm=pham Hoàng=hoang Đặng=dang Bùi=bui Huỳnh=huynh Dương=duong",
        Order::FamilyFirst,
    ),
    (
        "芳=fang 伟=wei 秀英=xiuying 敏=min 静=jing 强=qiang 洋=yang 艳=yan",
        "王=wang 李=li 张=zhang 刘=liu 陈=chen 赵=zhao 周=zhou 吴=wu",
        Order::FamilyFirstUnspaced,
    ),
    (
        "陽菜=hina 蓮=ren 葵=aoi 翔太=shota 美咲=misaki 大輔=daisuke 結衣=yui 健太=kenta",
        "佐藤=sato 鈴木=suzuki 高橋=takahashi 田中=tanaka 渡辺=watanabe 山本=yamamoto 小林=kobayashi 加藤=kato",
        Order::FamilyFirstUnspaced,
    ),
    (
        "민준=minjun 서연=seoyeon 지훈=jihoon 수빈=subin 현우=hyunwoo 지은=jieun 도윤=doyun 하은=haeun",
        "김=kim 이=lee 박=park 최=choi 정=jung 강=kang 조=cho 윤=yoon",
        Order::FamilyFirstUnspaced,
    ),
];

/// Names that strangers try on sshd: those of every system and every product, and some made up.
pub(super) const TRIED: [&str; 32] = [
    "root",
    "admin",
    "test",
    "guest",
    "oracle",
    "postgres",
    "mysql",
    "ubuntu",
    "debian",
    "pi",
    "git",
    "deploy",
    "jenkins",
    "hadoop",
    "ftpuser",
    "support",
    "minecraft",
    "tomcat",
    "nagios",
    "zabbix",
    "backup",
    "dev01",
    "vagrant",
    "es-search",
    "svc_sync",
    "kiosk7",
    "scanner3",
    "wlan-setup",
    "hrbackup",
    "praktikant",
    "www-data",
    "ts3server",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_has_plain_letters_for_a_login() {
        for culture in cultures() {
            for names in [culture.given, culture.family] {
                assert_eq!(names.len(), 8);
                for Name { native, latin } in names {
                    assert!(
                        !native.is_empty() && latin.bytes().all(|byte| byte.is_ascii_lowercase()),
                        "{native} {latin}"
                    );
                }
            }
        }
    }
}

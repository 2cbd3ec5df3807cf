//! The files of a rules folder, and the folder that ships inside the binary.
//!
//! ```text
//! rules/names.toml                 shared: packs merge it with `use = ["names"]`
//! rules/nginx/pack.toml            a pack
//! rules/nginx/cases/ipv6.txt       one of its cases
//! ```

use super::RulePack;
use super::load::{self, Shared};
use super::load_error::{LoadErrors, Source};
use include_dir::{Dir, include_dir};
use std::collections::BTreeMap;

/// The packs that ship with logveil.
static SHIPPED: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/rules");

/// The files of one rules folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Library {
    /// The packs, by path.
    pub packs: Vec<PackFiles>,
    /// Shared files by name: `names` is `rules/names.toml`.
    pub shared: Vec<(String, Source)>,
}

/// The files of one pack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackFiles {
    /// Its `pack.toml`.
    pub pack: Source,
    /// Its case files, by path.
    pub cases: Vec<Source>,
}

impl Library {
    /// Sorts files into packs. Each comes as its path below the folder and its text; errors show `root` before it,
    /// unless that is empty.
    ///
    /// Files that belong to no pack, such as a README, are left out.
    pub fn new(root: &str, files: impl IntoIterator<Item = (String, String)>) -> Self {
        let mut files: Vec<(String, String)> = files.into_iter().collect();
        files.sort();
        let slash = if root.is_empty() { "" } else { "/" };
        let source = |path: &str, text: &str| Source { file: format!("{root}{slash}{path}"), text: text.to_owned() };
        let mut library = Self { packs: Vec::new(), shared: Vec::new() };
        for (path, text) in &files {
            match path.split('/').collect::<Vec<_>>()[..] {
                [name] => {
                    let shared = name.strip_suffix(".toml").map(|name| (name.to_owned(), source(path, text)));
                    library.shared.extend(shared);
                }
                [folder, "pack.toml"] => {
                    let cases = format!("{folder}/cases/");
                    let cases = files.iter().filter(|(path, _)| path.starts_with(&cases) && path.ends_with(".txt"));
                    let cases = cases.map(|(path, text)| source(path, text)).collect();
                    library.packs.push(PackFiles { pack: source(path, text), cases });
                }
                _ => {}
            }
        }
        library
    }

    /// The files inside the binary.
    pub fn shipped() -> Self {
        Self::new("rules", embedded(&SHIPPED))
    }

    /// Reads the packs of this library; shared files that it lacks are taken from `others`.
    pub fn loader<'l>(&'l self, others: &'l Library) -> Loader<'l> {
        Loader { libraries: [self, others], read: BTreeMap::new() }
    }
}

/// Reads packs one by one, and each shared file once.
pub struct Loader<'l> {
    libraries: [&'l Library; 2],
    /// The shared files read so far, by name.
    read: BTreeMap<String, Shared<'l>>,
}

impl<'l> Loader<'l> {
    /// Reads a pack.
    ///
    /// # Errors
    /// Everything that is wrong with the pack and the shared files it uses.
    pub fn parse(&mut self, files: &PackFiles) -> Result<RulePack, LoadErrors> {
        let mut names = Vec::new();
        let pack = load::read_pack(&files.pack, |name| {
            let has = self.read_shared(name);
            names.extend(has.then(|| name.to_owned()));
            has
        })?;
        let shared: Vec<&Shared<'_>> = names.iter().filter_map(|name| self.read.get(name)).collect();
        pack.merge(&shared)
    }

    /// Reads a shared file unless it was read; `false` when there is none of that name.
    fn read_shared(&mut self, name: &str) -> bool {
        if self.read.contains_key(name) {
            return true;
        }
        let libraries: [&'l Library; 2] = self.libraries;
        let mut known = libraries.into_iter().flat_map(|library| &library.shared);
        let Some((_, source)) = known.find(|(known, _)| known == name) else { return false };
        self.read.insert(name.to_owned(), Shared::read(source));
        true
    }
}

/// Every text file below an embedded folder.
fn embedded(folder: &Dir<'static>) -> Vec<(String, String)> {
    let own = folder.files().filter_map(|file| {
        let path = file.path().to_str()?;
        Some((path.to_owned(), file.contents_utf8()?.to_owned()))
    });
    own.chain(folder.dirs().flat_map(embedded)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn library(files: &[(&str, &str)]) -> Library {
        Library::new("packs", files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())))
    }

    #[test]
    fn files_are_sorted_into_packs() {
        let files = [("b/pack.toml", "B"), ("a/cases/2.txt", "2"), ("a/cases/1.txt", "1"), ("a/pack.toml", "A")];
        let library = library(&[&files[..], &[("README.md", ""), ("names.toml", "N"), ("a/cases/x.md", "")]].concat());
        let packs = library.packs.iter().map(|pack| (pack.pack.file.as_str(), pack.cases.len()));
        assert_eq!(packs.collect::<Vec<_>>(), [("packs/a/pack.toml", 2), ("packs/b/pack.toml", 0)]);
        assert_eq!(library.shared[0].0, "names");
    }

    #[test]
    fn a_shared_file_of_the_folder_goes_before_a_shipped_one() {
        let shared = |class: &str| {
            format!("name = \"names\"\nversion = 1\n\n[[rule]]\nid = \"a\"\nselect = \"a\"\nclass = \"{class}\"\n")
        };
        let pack = "name = \"p\"\nversion = 1\nformat = \"json\"\nuse = [\"names\"]\n";
        let own = library(&[("p/pack.toml", pack), ("names.toml", &shared("user"))]);
        let shipped = library(&[("p/pack.toml", pack), ("names.toml", &shared("host"))]);
        let class =
            |library: &Library| library.loader(&shipped).parse(&library.packs[0]).unwrap().rules[0].class.code();
        assert_eq!(class(&own), "user");
        assert_eq!(class(&Library { shared: Vec::new(), ..own.clone() }), "host");
    }

    #[test]
    fn what_ships_can_be_loaded() {
        let shipped = Library::shipped();
        let mut loader = shipped.loader(&shipped);
        for files in &shipped.packs {
            let pack = loader.parse(files).unwrap_or_else(|errors| panic!("{errors}"));
            assert_eq!(files.pack.file, format!("rules/{}/pack.toml", pack.name), "a pack is named as its folder");
        }
    }
}

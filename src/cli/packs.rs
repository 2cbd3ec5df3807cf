//! Rule packs from the binary and from folders.

use super::exit::Failure;
use crate::rules::RulePack;
use crate::rules::library::Library;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The shipped packs, and those of `folders`, which go before shipped ones and earlier folders of the same name.
pub(super) fn load<'a>(folders: impl IntoIterator<Item = &'a Path>) -> Result<Vec<RulePack>, Failure> {
    let shipped = Library::shipped();
    let mut packs = BTreeMap::new();
    add(&shipped, &shipped, &mut packs)?;
    for folder in folders {
        add(&read(folder)?, &shipped, &mut packs)?;
    }
    Ok(packs.into_values().collect())
}

fn add(library: &Library, shipped: &Library, packs: &mut BTreeMap<String, RulePack>) -> Result<(), Failure> {
    let mut loader = library.loader(shipped);
    for files in &library.packs {
        let pack = loader.parse(files)?;
        packs.insert(pack.name.clone(), pack);
    }
    Ok(())
}

/// Reads a folder of packs, or the folder of one pack with the shared files beside it.
pub(super) fn read(folder: &Path) -> Result<Library, Failure> {
    let one_pack = folder.join("pack.toml").is_file();
    let (root, packs) = if one_pack { one_pack_in(folder)? } else { packs_in(folder)? };
    let mut files = Vec::new();
    for pack in packs {
        read_into(&mut files, &root, &pack.join("pack.toml"))?;
        let cases = pack.join("cases");
        let cases = if cases.is_dir() { entries(&cases)? } else { Vec::new() };
        for case in cases.iter().filter(|path| path.extension().is_some_and(|extension| extension == "txt")) {
            read_into(&mut files, &root, case)?;
        }
    }
    // Only files that a pack names: there may be others beside the packs, such as a keyring.
    let used = |path: &&PathBuf| {
        let quoted = path.file_stem().map(|stem| format!("\"{}\"", stem.to_string_lossy())).unwrap_or_default();
        path.extension().is_some_and(|extension| extension == "toml")
            && files.iter().any(|(path, text)| path.ends_with("/pack.toml") && text.contains(&quoted))
    };
    let shared: Vec<PathBuf> = entries(&root)?.iter().filter(used).cloned().collect();
    for path in shared {
        read_into(&mut files, &root, &path)?;
    }
    // Paths are shown as one would type them, without `./`.
    let shown = root.strip_prefix(".").unwrap_or(&root);
    Ok(Library::new(&shown.display().to_string(), files))
}

/// The folder that a pack stands in, and the pack.
fn one_pack_in(pack: &Path) -> Result<(PathBuf, Vec<PathBuf>), Failure> {
    let pack = match pack.file_name() {
        Some(name) => {
            pack.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new(".")).join(name)
        }
        // `.` and `..` have no name of their own.
        None => fs::canonicalize(pack).map_err(|error| failed(pack, error))?,
    };
    Ok((pack.parent().unwrap_or(&pack).to_owned(), vec![pack]))
}

/// The folder and the packs in it.
fn packs_in(folder: &Path) -> Result<(PathBuf, Vec<PathBuf>), Failure> {
    let packs: Vec<PathBuf> = entries(folder)?.into_iter().filter(|entry| entry.join("pack.toml").is_file()).collect();
    if packs.is_empty() {
        let folder = folder.display();
        let error = anyhow::anyhow!("no rule pack in {folder}\n  hint: a pack is a folder with a `pack.toml`");
        return Err(Failure::Usage(error));
    }
    Ok((folder.to_owned(), packs))
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let entries = fs::read_dir(folder).map_err(|error| failed(folder, error))?;
    entries.map(|entry| Ok(entry.map_err(|error| failed(folder, error))?.path())).collect()
}

/// Reads a file of rules and names it by its path below `root`.
fn read_into(files: &mut Vec<(String, String)>, root: &Path, path: &Path) -> Result<(), Failure> {
    let text = fs::read_to_string(path).map_err(|error| failed(path, error))?;
    let below = path.strip_prefix(root).unwrap_or(path);
    let below: Vec<_> = below.components().map(|part| part.as_os_str().to_string_lossy()).collect();
    files.push((below.join("/"), text));
    Ok(())
}

fn failed(path: &Path, error: std::io::Error) -> Failure {
    Failure::file("read", &path.display().to_string(), error)
}

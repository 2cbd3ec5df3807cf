//! Rule packs from the binary and from folders.

use super::exit::Failure;
use crate::rules::RulePack;
use crate::rules::library::{Library, PackFiles};
use crate::rules::load_error::Source;
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

/// Reads a folder of packs, or the folder or file of one pack with the shared files beside it.
pub(super) fn read(folder: &Path) -> Result<Library, Failure> {
    if folder.is_file() {
        return read_file(folder);
    }
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
        is_toml(path) && files.iter().any(|(path, text)| path.ends_with("/pack.toml") && text.contains(&quoted))
    };
    let shared: Vec<PathBuf> = entries(&root)?.iter().filter(used).cloned().collect();
    for path in shared {
        read_into(&mut files, &root, &path)?;
    }
    // Paths are shown as one would type them, without `./`.
    let shown = root.strip_prefix(".").unwrap_or(&root);
    Ok(Library::new(&shown.display().to_string(), files))
}

/// Reads the file of one pack; its cases stand where [`cases_of`] says.
fn read_file(file: &Path) -> Result<Library, Failure> {
    let source = |path: &Path| -> Result<Source, Failure> {
        let text = fs::read_to_string(path).map_err(|error| failed(path, error))?;
        Ok(Source { file: path.display().to_string(), text })
    };
    let pack = source(file)?;
    let cases = cases_of(file);
    let mut cases = if cases.is_dir() { entries(&cases)? } else { Vec::new() };
    cases.retain(|path| path.extension().is_some_and(|extension| extension == "txt"));
    cases.sort();
    let cases = cases.iter().map(|path| source(path)).collect::<Result<_, _>>()?;
    let root = file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut shared = Vec::new();
    for path in entries(root)?.iter().filter(|path| *path != file && is_toml(path)) {
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        if pack.text.contains(&format!("\"{name}\"")) {
            shared.push((name, source(path)?));
        }
    }
    Ok(Library { packs: vec![PackFiles { pack, cases }], shared })
}

/// The folder of the cases of a pack's file: `cases` beside `pack.toml`, `my-log.cases` beside `my-log.toml`.
pub(super) fn cases_of(file: &Path) -> PathBuf {
    if file.file_name().is_some_and(|name| name == "pack.toml") {
        file.with_file_name("cases")
    } else {
        file.with_extension("cases")
    }
}

fn is_toml(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "toml")
}

/// The text of a pack's file, from `folder` or else from the binary.
pub(super) fn text_of(name: &str, folder: Option<&Path>) -> Result<Option<String>, Failure> {
    let shipped = Library::shipped();
    let own = folder.map(read).transpose()?;
    for library in own.iter().chain([&shipped]) {
        let mut loader = library.loader(&shipped);
        for files in &library.packs {
            if loader.parse(files)?.name == name {
                return Ok(Some(files.pack.text.clone()));
            }
        }
    }
    Ok(None)
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

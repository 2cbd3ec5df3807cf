//! The file of receipts: it only grows.

use super::Receipt;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Owner only: receipts hold no record content, but they say what was where, and for how long.
const MODE: u32 = 0o600;

/// A file of receipts, one line of JSON each. Opened anew for every write, so it may be moved away in between.
///
/// Lines are only ever added, in one write each, so processes of one machine may share a file. A last line that a crash
/// tore stays as it is; the next receipt begins on a line of its own. Readers skip lines that are no JSON.
pub struct ReceiptFile {
    path: PathBuf,
    /// Lines that could not be written yet.
    owed: Vec<String>,
}

impl ReceiptFile {
    /// The file at `path`; touches nothing yet.
    pub fn new(path: PathBuf) -> Self {
        Self { path, owed: Vec::new() }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Makes sure that a receipt can be written: makes the file if there is none, and writes what is owed.
    ///
    /// # Errors
    /// When it cannot: then nothing must be deleted.
    pub fn settle(&mut self) -> io::Result<()> {
        let mut file = self.open()?;
        while let Some(line) = self.owed.first() {
            add(&mut file, line, &self.path)?;
            self.owed.remove(0);
        }
        Ok(())
    }

    /// Adds a receipt. It is on the disk when this returns.
    ///
    /// # Errors
    /// When it is not. It is owed then, and written by the next [`ReceiptFile::settle`].
    pub fn append(&mut self, receipt: &Receipt) -> io::Result<()> {
        self.owed.push(receipt.json());
        self.settle()
    }

    fn open(&self) -> io::Result<File> {
        let mut options = OpenOptions::new();
        options.read(true).append(true).mode(MODE);
        match options.open(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            opened => return opened,
        }
        let file = options.create(true).open(&self.path)?;
        // The name of a new file is on the disk only when its folder is.
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()?;
        Ok(file)
    }
}

/// Adds a line in one write, behind the end of a torn one if need be.
fn add(file: &mut File, line: &str, path: &Path) -> io::Result<()> {
    let torn = is_torn(file)?;
    if torn {
        tracing::warn!(
            file = %path.display(),
            "the last line of the receipts has no end, as after a crash; it is kept, and the next begins behind it"
        );
    }
    file.write_all(format!("{}{line}\n", if torn { "\n" } else { "" }).as_bytes())?;
    file.sync_data()
}

/// Whether the last line lacks its end.
fn is_torn(file: &mut File) -> io::Result<bool> {
    if file.metadata()?.len() == 0 {
        return Ok(false);
    }
    let mut last = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    Ok(last != *b"\n")
}

#[cfg(test)]
mod tests {
    use super::super::receipt::tests::receipt;
    use super::*;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn lines_are_added_to_a_file_of_the_owner() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("receipts.jsonl");
        let mut file = ReceiptFile::new(path.clone());
        file.settle().unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        file.append(&receipt()).unwrap();
        ReceiptFile::new(path.clone()).append(&receipt()).unwrap();
        let line = receipt().json();
        assert_eq!(fs::read_to_string(&path).unwrap(), format!("{line}\n{line}\n"));
    }

    #[test]
    fn a_torn_line_stays_and_the_next_begins_behind_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("receipts.jsonl");
        let line = receipt().json();
        let torn = &line[..40];
        fs::write(&path, format!("{line}\n{torn}")).unwrap();
        let mut file = ReceiptFile::new(path.clone());
        file.settle().unwrap();
        assert_eq!(
            fs::read_to_string(&path).unwrap(),
            format!("{line}\n{torn}"),
            "nothing is written before there is need"
        );
        file.append(&receipt()).unwrap();
        file.append(&receipt()).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), format!("{line}\n{torn}\n{line}\n{line}\n"));
    }

    #[test]
    fn what_could_not_be_written_is_owed() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("inner");
        let path = inner.join("receipts.jsonl");
        let mut file = ReceiptFile::new(path.clone());
        assert!(file.settle().is_err());
        assert!(file.append(&receipt()).is_err());
        fs::create_dir(&inner).unwrap();
        file.settle().unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), receipt().json() + "\n");
        file.settle().unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap().lines().count(), 1, "once");
    }
}

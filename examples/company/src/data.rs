//! Reads the company's data from CSV files.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use thiserror::Error;

/// Why a data file cannot be used.
#[derive(Debug, Error)]
pub(crate) enum DataError {
    /// The file cannot be opened.
    #[error("cannot open {}: {cause}. --data names the directory that holds the file", .file.display())]
    Open { file: PathBuf, cause: io::Error },

    /// A line lacks a column, or a value has the wrong type.
    #[error("{} line {line}: {cause}. The first line names the columns", .file.display())]
    Record { file: PathBuf, line: u64, cause: csv::Error },

    /// The values of a line make no sense.
    #[error("{} line {line}: {problem}", .file.display())]
    Value { file: PathBuf, line: u64, problem: String },
}

/// The directory of the data files.
#[derive(Debug, Clone)]
pub(crate) struct Directory(pub(crate) PathBuf);

impl Directory {
    /// Reads a file. `check` receives every record and those before it, and returns what is wrong.
    pub(crate) fn read<T: DeserializeOwned>(
        &self,
        name: &str,
        check: impl Fn(&T, &[T]) -> Result<(), String>,
    ) -> Result<Vec<T>, DataError> {
        let file = self.0.join(name);
        match File::open(&file) {
            Ok(text) => parse(&file, text, check),
            Err(cause) => Err(DataError::Open { file, cause }),
        }
    }
}

fn parse<T: DeserializeOwned>(
    file: &Path,
    text: impl io::Read,
    check: impl Fn(&T, &[T]) -> Result<(), String>,
) -> Result<Vec<T>, DataError> {
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text);
    let bad_record = |line, cause| DataError::Record { file: file.to_owned(), line, cause };
    let headers = reader.headers().map_err(|cause| bad_record(1, cause))?.clone();
    let mut records = Vec::new();
    for fields in reader.into_records() {
        let fields = fields.map_err(|cause| bad_record(line_of(cause.position()), cause))?;
        let line = line_of(fields.position());
        let record = fields.deserialize(Some(&headers)).map_err(|cause| bad_record(line, cause))?;
        check(&record, &records).map_err(|problem| DataError::Value { file: file.to_owned(), line, problem })?;
        records.push(record);
    }
    Ok(records)
}

fn line_of(position: Option<&csv::Position>) -> u64 {
    position.map_or(1, csv::Position::line)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<(String, u32)>, String> {
        let positive = |record: &(String, u32), _: &[_]| match record.1 {
            0 => Err("the number is zero".to_owned()),
            _ => Ok(()),
        };
        parse(Path::new("parts.csv"), text.as_bytes(), positive).map_err(|error| error.to_string())
    }

    #[test]
    fn errors_name_the_file_and_the_line() {
        let error = read("name,number\npump,4\nboiler,many\n").unwrap_err();
        assert!(error.starts_with("parts.csv line 3: "), "{error}");
        let error = read("name,number\npump,4\nboiler\n").unwrap_err();
        assert!(error.starts_with("parts.csv line 3: "), "{error}");
        let error = read("name,number\npump,0\n").unwrap_err();
        assert_eq!(error, "parts.csv line 2: the number is zero");
    }

    #[test]
    fn spaces_around_values_do_not_matter() {
        assert_eq!(read("name,number\n pump , 4\n"), Ok(vec![("pump".to_owned(), 4)]));
    }
}

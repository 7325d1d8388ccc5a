//! The standard output: tables for people, JSON for programs.

use std::io::{self, BufWriter, StdoutLock, Write};

use clap::Args;
use serde::Serialize;

use super::failure::Failure;

/// How facts are printed.
#[derive(Debug, Clone, Copy, Args)]
pub struct OutputArgs {
    /// Print facts as JSON: sizes in bytes, times in Unix seconds
    #[arg(long, help_heading = "Output")]
    pub json: bool,
}

/// The standard output, buffered. Call [`Output::finish`]: what is still buffered at a drop may be lost.
pub struct Output {
    writer: BufWriter<StdoutLock<'static>>,
}

impl Output {
    /// Takes the standard output.
    pub fn lock() -> Self {
        Self {
            writer: BufWriter::new(io::stdout().lock()),
        }
    }

    /// Writes one value as indented JSON.
    pub fn json<T: Serialize>(&mut self, value: &T) -> Result<(), Failure> {
        serde_json::to_writer_pretty(&mut self.writer, value).map_err(io::Error::from)?;
        Ok(writeln!(self.writer)?)
    }

    /// Begins a JSON array whose items come one by one.
    pub fn json_array(&mut self) -> Result<JsonArray<'_>, Failure> {
        self.writer.write_all(b"[")?;
        Ok(JsonArray {
            output: self,
            is_empty: true,
        })
    }

    /// Hands over what is buffered.
    pub fn finish(mut self) -> Result<(), Failure> {
        Ok(self.writer.flush()?)
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.writer.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

/// A JSON array under way, one item a line, in constant memory.
pub struct JsonArray<'a> {
    output: &'a mut Output,
    is_empty: bool,
}

impl JsonArray<'_> {
    /// Writes the next item.
    pub fn item<T: Serialize>(&mut self, item: &T) -> Result<(), Failure> {
        let lead: &[u8] = if self.is_empty { b"\n  " } else { b",\n  " };
        self.is_empty = false;
        self.output.writer.write_all(lead)?;
        serde_json::to_writer(&mut self.output.writer, item).map_err(io::Error::from)?;
        Ok(())
    }

    /// Ends the array.
    pub fn end(self) -> Result<(), Failure> {
        let tail: &[u8] = if self.is_empty { b"]\n" } else { b"\n]\n" };
        Ok(self.output.writer.write_all(tail)?)
    }
}

//! The one way results leave the program: standard output, or a file that appears whole or not at all.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::{Path, PathBuf};

use crate::exit::Failure;
use crate::ui::ColorChoice;

/// Columns assumed where there is no terminal to ask.
pub const DEFAULT_WIDTH: usize = 80;

/// Text of so many bytes is not gathered in a buffer before it is written.
const LONG: usize = 8192;

/// How text should look where it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// Whether colour may be used.
    pub color: bool,
    /// Columns a line may take.
    pub width: usize,
    /// Whether a person watches: a terminal, not a pipe or file.
    pub terminal: bool,
}

impl Look {
    pub(crate) fn of(terminal: bool, choice: ColorChoice) -> Self {
        let env = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        Self {
            color: wants_color(
                choice,
                terminal,
                env("NO_COLOR").is_some(),
                env("TERM").as_deref() == Some("dumb"),
            ),
            width: width(
                env("COLUMNS").as_deref(),
                if terminal { measured_width() } else { None },
            ),
            terminal,
        }
    }
}

/// <https://no-color.org>: set and not empty means no; what the command line says goes first.
fn wants_color(choice: ColorChoice, terminal: bool, no_color: bool, dumb: bool) -> bool {
    match choice {
        ColorChoice::Always => true,
        ColorChoice::Never => false,
        ColorChoice::Auto => terminal && !no_color && !dumb,
    }
}

fn measured_width() -> Option<usize> {
    terminal_size::terminal_size().map(|(width, _)| usize::from(width.0))
}

/// Between 40 and 400 columns, whatever the environment claims.
fn width(columns: Option<&str>, measured: Option<usize>) -> usize {
    columns
        .and_then(|text| text.trim().parse().ok())
        .or(measured)
        .unwrap_or(DEFAULT_WIDTH)
        .clamp(40, 400)
}

/// Where results go. Write, then [`Out::finish`]: a file of `--output` is put in place only then, so that a run that
/// fails leaves the old file as it was.
#[derive(Debug)]
pub struct Out {
    sink: Sink,
    look: Look,
    name: String,
}

#[derive(Debug)]
enum Sink {
    Stdout(BufWriter<anstream::AutoStream<io::Stdout>>),
    /// A device or pipe given by name: written in place.
    Device(BufWriter<File>),
    File(Box<PendingFile>),
}

impl Out {
    pub(crate) fn open(file: Option<&Path>, color: ColorChoice) -> Result<Self, Failure> {
        let Some(path) = file.filter(|path| *path != Path::new("-")) else {
            let look = Look::of(io::stdout().is_terminal(), color);
            let choice = if look.color {
                anstream::ColorChoice::AlwaysAnsi
            } else {
                anstream::ColorChoice::Never
            };
            // On a Windows console the stream also turns escape sequences on, or translates them on old consoles.
            let choice = if look.color && look.terminal {
                anstream::ColorChoice::Always
            } else {
                choice
            };
            let stream = anstream::AutoStream::new(io::stdout(), choice);
            return Ok(Self {
                sink: Sink::Stdout(BufWriter::new(stream)),
                look,
                name: "standard output".to_owned(),
            });
        };
        let name = path.display().to_string();
        let failed = |source| Failure::Output {
            to: name.clone(),
            source,
        };
        let device = fs::metadata(path).is_ok_and(|meta| !meta.is_file());
        let sink = if device {
            Sink::Device(BufWriter::new(
                OpenOptions::new().write(true).open(path).map_err(failed)?,
            ))
        } else {
            Sink::File(Box::new(PendingFile::create(path).map_err(failed)?))
        };
        Ok(Self {
            sink,
            look: Look::of(false, color),
            name,
        })
    }

    /// How text should look here.
    #[must_use]
    pub const fn look(&self) -> Look {
        self.look
    }

    /// Writes text.
    ///
    /// # Errors
    /// [`Failure::Output`]; a closed pipe is one too, which ends the run with status 0.
    pub fn text(&mut self, text: &str) -> Result<(), Failure> {
        let done = match &mut self.sink {
            Sink::Stdout(stream) if !self.look.color && text.len() >= LONG && is_plain(text) => {
                past_stripping(stream, text)
            }
            _ => self.write_all(text.as_bytes()),
        };
        done.map_err(|source| self.failed(source))
    }

    /// Puts everything in its place. To be called once, at the end.
    ///
    /// # Errors
    /// [`Failure::Output`] as for [`Out::text`].
    pub fn finish(mut self) -> Result<(), Failure> {
        self.flush().map_err(|source| self.failed(source))?;
        if let Sink::File(file) = self.sink {
            return file.commit().map_err(|source| Failure::Output {
                to: self.name,
                source,
            });
        }
        Ok(())
    }

    fn failed(&self, source: io::Error) -> Failure {
        Failure::Output {
            to: self.name.clone(),
            source,
        }
    }
}

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.sink {
            Sink::Stdout(stream) => stream.write(bytes),
            Sink::Device(file) => file.write(bytes),
            Sink::File(file) => file.writer.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.sink {
            Sink::Stdout(stream) => stream.flush(),
            Sink::Device(file) => file.flush(),
            Sink::File(file) => file.writer.flush(),
        }
    }
}

/// True where taking escape sequences out of a text would leave it as it is. Control characters beyond ASCII begin with 0xC2,
/// which is left to the search.
fn is_plain(text: &str) -> bool {
    text.bytes()
        .all(|byte| byte != 0xc2 && matches!(byte, b'\n' | b'\t' | 0x20..=0x7e | 0x80..))
}

/// Writes a plain text behind what is buffered. The stream would look for escape sequences in it byte by byte, which
/// takes as long as making the text did.
fn past_stripping(stream: &mut BufWriter<anstream::AutoStream<io::Stdout>>, text: &str) -> io::Result<()> {
    stream.flush()?;
    let mut stdout: &io::Stdout = stream.get_ref().as_inner();
    stdout.write_all(text.as_bytes())
}

/// A file under a temporary name beside its final one; gone unless committed.
#[derive(Debug)]
struct PendingFile {
    writer: BufWriter<File>,
    temporary: PathBuf,
    path: PathBuf,
    committed: bool,
}

impl PendingFile {
    fn create(path: &Path) -> io::Result<Self> {
        let Some(name) = path.file_name() else {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a file name"));
        };
        let mut hidden = OsString::from(".");
        hidden.push(name);
        hidden.push(format!(".{}.tmp", std::process::id()));
        let temporary = path.with_file_name(hidden);
        let file = OpenOptions::new().write(true).create_new(true).open(&temporary)?;
        Ok(Self {
            writer: BufWriter::new(file),
            temporary,
            path: path.to_owned(),
            committed: false,
        })
    }

    fn commit(mut self) -> io::Result<()> {
        self.writer.flush()?;
        self.writer.get_ref().sync_all()?;
        fs::rename(&self.temporary, &self.path)?;
        self.committed = true;
        Ok(())
    }
}

impl Drop for PendingFile {
    fn drop(&mut self) {
        if !self.committed {
            let _ = fs::remove_file(&self.temporary);
        }
    }
}

/// Writes a whole file that appears complete or not at all, for results that are not text on standard output.
///
/// # Errors
/// [`Failure::Output`] with the file's name.
pub fn write_file(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let write = || {
        let mut file = PendingFile::create(path)?;
        file.writer.write_all(bytes)?;
        file.commit()
    };
    write().map_err(|source| Failure::Output {
        to: path.display().to_string(),
        source,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colour_is_decided_by_option_then_environment_then_terminal() {
        use ColorChoice::{Always, Auto, Never};
        // choice, terminal, NO_COLOR, TERM=dumb, colour
        let cases = [
            (Auto, true, false, false, true),
            (Auto, false, false, false, false),
            (Auto, true, true, false, false),
            (Auto, true, false, true, false),
            (Always, false, true, true, true),
            (Never, true, false, false, false),
        ];
        for (choice, terminal, no_color, dumb, expected) in cases {
            assert_eq!(
                wants_color(choice, terminal, no_color, dumb),
                expected,
                "{choice:?} {terminal} {no_color} {dumb}"
            );
        }
    }

    #[test]
    fn text_with_control_characters_is_not_plain() {
        for (text, plain) in [
            ("a\tb\n\u{e9}", true),
            ("\u{1b}[1m", false),
            ("a\u{7}", false),
            ("\u{7f}", false),
            ("\u{9b}1m", false),
        ] {
            assert_eq!(is_plain(text), plain, "{text:?}");
        }
    }

    #[test]
    fn width_comes_from_columns_then_terminal_then_default_within_limits() {
        let cases = [
            (Some("120"), Some(90), 120),
            (None, Some(90), 90),
            (None, None, DEFAULT_WIDTH),
            (Some("nonsense"), Some(90), 90),
            (Some("3"), None, 40),
            (Some("99999"), None, 400),
        ];
        for (columns, measured, expected) in cases {
            assert_eq!(width(columns, measured), expected, "{columns:?} {measured:?}");
        }
    }

    #[test]
    fn an_unfinished_file_leaves_the_old_one_and_no_litter() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("report.txt");
        fs::write(&path, "old").unwrap();
        let mut out = Out::open(Some(&path), ColorChoice::Never).unwrap();
        out.text("half of").unwrap();
        drop(out);
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
        let mut out = Out::open(Some(&path), ColorChoice::Never).unwrap();
        out.text("new").unwrap();
        out.finish().unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }
}

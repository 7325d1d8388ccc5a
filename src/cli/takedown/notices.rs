//! Lists of takedowns as people and notices write them.

use crate::archive::Takedown;
use crate::hash::{Hash, Md5, NotAHash, Sha1};

/// A line that is no takedown.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {number}: {fault}")]
pub struct BadLine {
    /// Its number, from 1.
    pub number: usize,
    /// What is wrong with it.
    pub fault: String,
}

/// Reads a list: on each line a hash, or `md5 sha1`, or `md5 sha1 size`; `#` begins a comment. All bad
/// lines are returned, and then nothing else.
pub fn parse(text: &str) -> Result<Vec<Takedown>, Vec<BadLine>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let (mut takedowns, mut bad) = (Vec::new(), Vec::new());
    for (index, line) in text.lines().enumerate() {
        let content = line
            .split_once('#')
            .map_or(line, |(before, _)| before)
            .trim();
        match parse_line(content) {
            _ if content.is_empty() => {}
            Ok(takedown) => takedowns.push(takedown),
            Err(fault) => bad.push(BadLine {
                number: index + 1,
                fault,
            }),
        }
    }
    if bad.is_empty() {
        Ok(takedowns)
    } else {
        Err(bad)
    }
}

fn parse_line(line: &str) -> Result<Takedown, String> {
    let text = |e: NotAHash| e.to_string();
    let fields: Vec<_> = line.split_whitespace().collect();
    match fields.as_slice() {
        [hash] => hash.parse().map(of_hash).map_err(text),
        [md5, sha1] => pair(md5, sha1).map_err(text),
        [md5, sha1, size] => {
            let size_bytes = size
                .parse()
                .map_err(|_| format!("`{size}` is not a size in bytes"))?;
            Ok(Takedown {
                size_bytes: Some(size_bytes),
                ..pair(md5, sha1).map_err(text)?
            })
        }
        _ => Err("expected a hash, or `md5 sha1 size`".to_owned()),
    }
}

fn pair(md5: &str, sha1: &str) -> Result<Takedown, NotAHash> {
    Ok(Takedown {
        md5: Some(md5.parse::<Md5>()?),
        sha1: Some(sha1.parse::<Sha1>()?),
        ..Takedown::default()
    })
}

/// The takedown that names one hash.
pub fn of_hash(hash: Hash) -> Takedown {
    let (md5, sha1) = match hash {
        Hash::Md5(md5) => (Some(md5), None),
        Hash::Sha1(sha1) => (None, Some(sha1)),
    };
    Takedown {
        md5,
        sha1,
        ..Takedown::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MD5: &str = "d41d8cd98f00b204e9800998ecf8427e";
    const SHA1: &str = "DA39A3EE5E6B4B0D3255BFEF95601890AFD80709";

    #[test]
    fn reads_every_form() {
        let list = format!(
            "\u{feff}# notice 7\r\n\r\n  {MD5}\r\n{SHA1} # by SHA-1\n{MD5}\t{SHA1}\n{MD5} {SHA1} 0"
        );
        let takedowns = parse(&list).expect("all lines are good");
        let forms: Vec<_> = takedowns
            .iter()
            .map(|t| (t.md5.is_some(), t.sha1.is_some(), t.size_bytes))
            .collect();
        assert_eq!(
            forms,
            [
                (true, false, None),
                (false, true, None),
                (true, true, None),
                (true, true, Some(0))
            ]
        );
        assert_eq!(parse("# nothing\n"), Ok(Vec::new()));
    }

    #[test]
    fn names_every_bad_line() {
        let list = format!("{MD5}\nabc\n{SHA1} {MD5}\n{MD5} {SHA1} many\n{MD5} {SHA1} 1 2\n");
        let numbers: Vec<_> = parse(&list)
            .expect_err("four are bad")
            .iter()
            .map(|line| line.number)
            .collect();
        assert_eq!(numbers, [2, 3, 4, 5]);
    }
}

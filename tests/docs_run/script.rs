//! Commands and what they print, out of a document.

/// The line that begins a block of examples.
pub const FENCE: &str = "```console";

/// A command of a document.
#[derive(Debug)]
pub struct Step {
    /// What the shell is told.
    pub command: String,
    /// The lines that it is said to print; none: nothing is said.
    pub expected: Vec<String>,
    /// The line of the document that it is on.
    pub line: usize,
}

impl Step {
    /// Whether the command shows the exit code of the one before it.
    pub fn shows_status(&self) -> bool {
        self.command == "echo $?"
    }
}

/// All commands of a document, in order; or what is wrong with how they are written.
pub fn steps(text: &str) -> Result<Vec<Step>, String> {
    let mut steps = Vec::new();
    let mut left_out = None;
    let mut lines = (1..).zip(text.lines());
    while let Some((line, content)) = lines.next() {
        if content == FENCE {
            let block = block(&mut lines).ok_or(format!("line {line}: the block never ends"))?;
            if left_out.take().is_none() {
                steps.extend(examples(&block)?);
            }
        } else if left_out.is_some() {
            return Err(format!("line {line}: left out, but no block follows"));
        } else if let Some(reason) = comment(content, "not run:") {
            if reason.is_empty() {
                return Err(format!("line {line}: left out without a reason"));
            }
            left_out = Some(reason);
        } else if let Some(command) = comment(content, "run:") {
            steps.push(Step {
                command: command.to_owned(),
                expected: Vec::new(),
                line,
            });
        }
    }
    Ok(steps)
}

/// The lines up to the end of a block; `None` if it has none.
fn block<'a>(lines: &mut impl Iterator<Item = (usize, &'a str)>) -> Option<Vec<(usize, &'a str)>> {
    let mut inside = Vec::new();
    for (line, content) in lines {
        if content == "```" {
            return Some(inside);
        }
        inside.push((line, content));
    }
    None
}

/// The commands of one block.
fn examples(block: &[(usize, &str)]) -> Result<Vec<Step>, String> {
    let mut steps: Vec<Step> = Vec::new();
    for (line, content) in block {
        if let Some(command) = content.strip_prefix("$ ") {
            steps.push(Step {
                command: command.to_owned(),
                expected: Vec::new(),
                line: *line,
            });
        } else if let Some(step) = steps.last_mut() {
            step.expected.push((*content).to_owned());
        } else {
            return Err(format!("line {line}: output before the first command"));
        }
    }
    Ok(steps)
}

/// What the comment `<!-- KEY … -->` says, if the line is one.
fn comment<'a>(line: &'a str, key: &str) -> Option<&'a str> {
    let inside = line.strip_prefix("<!-- ")?.strip_suffix("-->")?;
    Some(inside.strip_prefix(key)?.trim())
}

/// Whether `printed` is what a document says. No lines say nothing.
pub fn agrees(expected: &[String], printed: &str) -> bool {
    let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
    let printed: Vec<&str> = printed.trim_end().lines().collect();
    expected.is_empty() || lines_agree(&expected, &printed)
}

/// A line of `...` stands for any number of lines.
fn lines_agree(expected: &[&str], printed: &[&str]) -> bool {
    match expected.split_first() {
        None => printed.is_empty(),
        Some((&"...", rest)) => (0..=printed.len()).any(|n| lines_agree(rest, &printed[n..])),
        Some((line, rest)) => printed.split_first().is_some_and(|(first, others)| {
            text_agrees(line, first.trim_end()) && lines_agree(rest, others)
        }),
    }
}

/// `...` within a line stands for any text.
fn text_agrees(expected: &str, printed: &str) -> bool {
    let Some((before, after)) = expected.split_once("...") else {
        return expected == printed;
    };
    let Some(rest) = printed.strip_prefix(before) else {
        return false;
    };
    let starts = rest.char_indices().map(|(at, _)| at).chain([rest.len()]);
    starts.into_iter().any(|at| text_agrees(after, &rest[at..]))
}

#[test]
fn dots_stand_for_anything() {
    let table = [
        ("a", "a\n", true),
        ("a", "a\nb", false),
        ("a\nb", "a", false),
        ("...", "", true),
        ("a\n...\nz", "a\nz", true),
        ("a\n...\nz", "a\nb\nc\nz\n", true),
        ("a\n...\nz", "a\nb", false),
        ("a ... z", "a b c z", true),
        ("a ... z", "a b c", false),
        ("...b...", "abc", true),
        ("...é", "xyé", true),
    ];
    for (expected, printed, answer) in table {
        let lines: Vec<String> = expected.lines().map(str::to_owned).collect();
        assert_eq!(agrees(&lines, printed), answer, "{expected:?} {printed:?}");
    }
}

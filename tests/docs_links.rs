//! What README and docs point to is there.

use std::fs;
use std::path::{Path, PathBuf};

/// The Markdown files for users.
fn documents(root: &Path) -> Vec<PathBuf> {
    let mut files = vec![root.join("README.md"), root.join("CHANGELOG.md")];
    for entry in fs::read_dir(root.join("docs")).expect("docs can be listed") {
        files.push(entry.expect("docs can be listed").path());
    }
    files.retain(|file| file.extension().is_some_and(|ext| ext == "md"));
    files
}

/// Targets of the links in `text`, those to other sites left out.
fn links(text: &str) -> Vec<&str> {
    text.split("](")
        .skip(1)
        .filter_map(|rest| rest.split(')').next())
        .map(|target| target.split('#').next().unwrap_or(target))
        .filter(|target| !target.is_empty() && !target.contains("://"))
        .collect()
}

#[test]
fn every_link_leads_somewhere() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut followed = 0;
    for file in documents(root) {
        let text = fs::read_to_string(&file).expect("our documents are UTF-8");
        for link in links(&text) {
            let target = file.with_file_name(link);
            assert!(target.exists(), "{}: {link} is not there", file.display());
            followed += 1;
        }
    }
    assert!(followed > 10, "only {followed} links were found");
}

//! Writes [`claviger_fuzz::seeds`] into a folder, one below it for each target.

use std::{env, fs, path::Path};

fn main() {
    let root = env::args_os().nth(1).expect("usage: seeds FOLDER");
    for target in [
        "codec", "formats", "replies", "service", "stored", "wrapped",
    ] {
        let folder = Path::new(&root).join(target);
        fs::create_dir_all(&folder).unwrap();
        for (number, seed) in claviger_fuzz::seeds(target).iter().enumerate() {
            fs::write(folder.join(format!("seed{number}")), seed).unwrap();
        }
    }
}

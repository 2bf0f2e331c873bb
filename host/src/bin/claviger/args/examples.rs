//! An example of each command, which its help and its manual page show.

use clap::{Command, CommandFactory};

use super::Arguments;

/// Each command by its words, and a line to begin with.
const EXAMPLES: &[(&str, &str)] = &[
    ("info", "claviger info"),
    ("self-test", "claviger self-test"),
    ("random", "claviger random 32"),
    ("list", "claviger list --granted"),
    ("describe", "claviger describe telemetry --json"),
    ("delete", "claviger delete telemetry"),
    ("rename", "claviger rename telemtry telemetry"),
    ("chown", "claviger chown telemetry --owner 1000 --to 1001"),
    (
        "generate",
        "claviger generate log --algorithm aes-256-siv --owner-may seal --grant 1001=unseal",
    ),
    (
        "import",
        "claviger import tls --in tls-key.pem --passphrase-file passphrase",
    ),
    (
        "unwrap",
        "claviger unwrap session --algorithm aes-128-cmac --kek legacy --in session.wrapped",
    ),
    (
        "seal",
        "claviger seal telemetry --context 'device 7' --in reading --out blob",
    ),
    (
        "unseal",
        "claviger unseal telemetry --context 'device 7' --in blob",
    ),
    (
        "reseal",
        "claviger reseal telemetry --context 'device 7' a.blob b.blob",
    ),
    (
        "encrypt",
        "claviger encrypt link --aad 'frame 1' --in frame --out frame.gcm",
    ),
    (
        "decrypt",
        "claviger decrypt link --aad 'frame 1' --in frame.gcm --key-version 1",
    ),
    ("mac", "claviger mac fleet#line/3 --in message"),
    (
        "verify-mac",
        "claviger verify-mac link --tag 00112233445566778899aabbccddeeff --in message",
    ),
    ("sign", "claviger sign id --in firmware --out firmware.sig"),
    (
        "verify",
        "claviger verify --public-key id.pem --signature firmware.sig --in firmware",
    ),
    ("batch", "claviger batch mac link --text --in readings"),
    (
        "public-key",
        "claviger public-key id --format jwk --out id.jwk",
    ),
    (
        "challenge",
        "claviger challenge link --me server --peer device --out m1",
    ),
    (
        "respond",
        "claviger respond link --me device --peer server --in m1 --out m2",
    ),
    (
        "confirm",
        "claviger confirm link --in m2 --out m3 --session-key session",
    ),
    (
        "derive",
        "claviger derive fleet#line/3 --into line3 --algorithm aes-256-cmac",
    ),
    (
        "agree",
        "claviger agree tls --peer peer.pem --into session --algorithm aes-256-cmac",
    ),
    (
        "encapsulate",
        "claviger encapsulate --peer kem.pub --ciphertext ct --into session --algorithm kdf-cmac",
    ),
    (
        "decapsulate",
        "claviger decapsulate kem --ciphertext ct --into session --algorithm kdf-cmac",
    ),
    (
        "combine",
        "claviger combine --source key=fleet --source agree=tls,peer=peer.pem --info 'uplink v1' \
         --into uplink --algorithm hmac-sha256",
    ),
    ("rotate", "claviger rotate telemetry"),
    ("retire", "claviger retire telemetry 1"),
    ("activate", "claviger activate spare"),
    ("suspend", "claviger suspend telemetry"),
    ("resume", "claviger resume telemetry"),
    ("deactivate", "claviger deactivate telemetry"),
    ("compromise", "claviger compromise telemetry"),
    ("destroy", "claviger destroy telemetry"),
    (
        "tighten",
        "claviger tighten log --max-uses 100000 --no-grant 1001",
    ),
    ("catch-up", "claviger catch-up uplink --in token"),
    (
        "wrap",
        "claviger wrap unit7 --family batch-2 --out unit7.key",
    ),
    ("revoke", "claviger revoke --family batch-2"),
    (
        "components start",
        "claviger components start master --algorithm kdf-cmac --custodian 1001 --custodian 1002",
    ),
    (
        "components show",
        "claviger components show 0123456789abcdef",
    ),
    (
        "components enter",
        "claviger components enter 0123456789abcdef --hex --in component",
    ),
    (
        "components cancel",
        "claviger components cancel 0123456789abcdef",
    ),
    (
        "share",
        "claviger share root --recipient a.pem --recipient b.pem --out shares",
    ),
    ("shares keygen", "claviger shares keygen --out holder.key"),
    (
        "shares verify",
        "claviger shares verify --manifest manifest --device-key old.pem --share share-1 \
         --holder-key holder.key",
    ),
    (
        "shares reencrypt",
        "claviger shares reencrypt --manifest manifest --device-key old.pem --share share-1 \
         --holder-key holder.key --request request --target-key new.pem --owner 0 \
         --out given-1",
    ),
    (
        "restore start",
        "claviger restore start --manifest manifest --device-key old.pem --out request",
    ),
    (
        "restore share",
        "claviger restore share 0123456789abcdef --in given-1",
    ),
    (
        "restore trust add",
        "claviger restore trust add --device-key old.pem",
    ),
    ("restore trust list", "claviger restore trust list"),
    (
        "restore trust remove",
        "claviger restore trust remove SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU",
    ),
    ("restore cancel", "claviger restore cancel 0123456789abcdef"),
    ("pending list", "claviger pending list"),
    ("pending cancel", "claviger pending cancel 01234567"),
    ("quota show", "claviger quota show --owner 1000"),
    ("quota set", "claviger quota set --owner 1000 --keys 50"),
    ("lock", "claviger lock"),
    ("factory-reset", "claviger factory-reset --confirm 01234567"),
    (
        "vault declare-lost",
        "claviger vault declare-lost --confirm 01234567",
    ),
    ("audit read", "claviger audit read --out log"),
    (
        "audit checkpoint",
        "claviger audit checkpoint --nonce 00112233 --out checkpoint",
    ),
    (
        "audit verify",
        "claviger audit verify --log log --checkpoint checkpoint --device-key device.pem --owner 1000 \
         --nonce 00112233",
    ),
    ("audit strict", "claviger audit strict"),
    (
        "audit release",
        "claviger audit release --owner 1000 --keep 120",
    ),
    ("device-key", "claviger device-key --format pem"),
    ("certificate", "claviger certificate --out device.der"),
    (
        "install-certificate",
        "claviger install-certificate --in device.der",
    ),
    ("doctor", "claviger doctor"),
    ("completions", "claviger completions bash"),
    ("man", "claviger man --out /usr/local/share/man/man1"),
];

/// The grammar, with the examples.
pub(crate) fn grammar() -> Command {
    EXAMPLES
        .iter()
        .fold(Arguments::command(), |command, (words, example)| {
            let words: Vec<_> = words.split(' ').collect();
            show(command, &words, example)
        })
}

fn show(command: Command, words: &[&str], example: &str) -> Command {
    match words {
        [word, rest @ ..] => command.mut_subcommand(word, |command| show(command, rest, example)),
        [] => command.after_help(format!("Example:\n  {example}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The words of every command that has no commands below it.
    fn leaves(command: &Command, above: &str) -> Vec<String> {
        let below: Vec<_> = command
            .get_subcommands()
            .flat_map(|command| leaves(command, &format!("{above} {}", command.get_name())))
            .collect();
        match below.as_slice() {
            [] => vec![above.trim_start().to_owned()],
            _ => below,
        }
    }

    /// A line as a shell splits it: single quotes hold words together.
    fn split(line: &str) -> Vec<String> {
        let pieces = line.split('\'').enumerate();
        pieces
            .flat_map(|(place, piece)| match place % 2 {
                0 => piece.split_whitespace().map(str::to_owned).collect(),
                _ => vec![piece.to_owned()],
            })
            .collect()
    }

    #[test]
    fn the_grammar_is_sound() {
        grammar().debug_assert();
    }

    #[test]
    fn every_command_has_an_example_that_is_one() {
        let shown: Vec<_> = EXAMPLES.iter().map(|(words, _)| *words).collect();
        assert_eq!(leaves(&Arguments::command(), ""), shown);
        for (words, example) in EXAMPLES {
            assert!(example.starts_with(&format!("claviger {words}")), "{words}");
            let parsed = grammar().try_get_matches_from(split(example));
            assert!(parsed.is_ok(), "{words}: {}", parsed.unwrap_err());
        }
    }
}

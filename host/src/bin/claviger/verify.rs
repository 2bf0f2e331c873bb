//! `verify`: needs no device where there is a public key.

use claviger::{Algorithm, Client, Error, Signed, Status};
use serde_json::json;

use crate::{
    Outcome, args::VerifyArguments, failure::Failure, files, open, output::Printer,
    progress::Progress,
};

/// More than any signature has.
const LONGEST: usize = 1024;

const SIGNING: [Algorithm; 3] = [
    Algorithm::EcdsaP256,
    Algorithm::EcdsaP384,
    Algorithm::Ed25519,
];

pub(crate) fn verify(
    client: impl Fn() -> Result<Client, Failure>,
    arguments: &VerifyArguments,
    printer: &Printer,
) -> Outcome {
    let over = &arguments.over;
    // What is longer is no signature, and refused as a wrong one.
    let signature = files::read_small(&arguments.signature, LONGEST)?;
    let signature = signature.ok_or(Error::Ta(Status::NotAuthentic))?;
    let (algorithm, version) = match (&arguments.key, &arguments.public_key) {
        (Some(name), _) => {
            let key = open::named(&client()?, name, arguments.owner)?;
            let algorithm = key.algorithm();
            over.expect_fit(algorithm)?;
            let version = arguments.version.version;
            let version = key.verify_signature_stream(version, signed(arguments)?, &signature)?;
            (algorithm, Some(version))
        }
        (None, Some(path)) => {
            let key = open::public_key(path, &SIGNING)?;
            over.expect_fit(key.algorithm())?;
            key.verify_stream(signed(arguments)?, &signature)?;
            (key.algorithm(), None)
        }
        (None, None) => return Err(Failure::Usage("name KEY or --public-key".to_owned())),
    };
    let mut object = json!({ "authentic": true, "algorithm": algorithm.name() });
    if let Some(version) = version {
        object["version"] = json!(version);
    }
    printer.print(&object, "")
}

fn signed(
    arguments: &VerifyArguments,
) -> Result<Signed<Progress<Box<dyn std::io::Read + Send>>>, Failure> {
    let over = &arguments.over;
    if let Some(digest) = &over.digest {
        return Ok(Signed::Digest(digest.0.clone()));
    }
    let (input, total) = files::open_input(&arguments.input.input)?;
    let input = Progress::new(input, total);
    Ok(match over.ed25519ph {
        true => Signed::Prehashed(input),
        false => Signed::Message(input),
    })
}

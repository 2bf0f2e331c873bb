//! Many small operations in one call: what each of them costs then.

use claviger::{Algorithm, Client};

use crate::measure::Bench;

const ITEMS: [usize; 3] = [1, 16, 256];
const SIGNATURES: usize = 16;

pub(crate) fn batches(bench: &Bench, client: &Client) {
    let mac = client.generate("batch-mac", Algorithm::Aes128Cmac).unwrap();
    let siv = client.generate("batch-siv", Algorithm::Aes256Siv).unwrap();
    let sign = client.generate("batch-sign", Algorithm::EcdsaP256).unwrap();
    let message = [7; 16];
    for items in ITEMS {
        let messages = vec![message; items];
        let calls = |what: &str| format!("{what}, each of {items} in a batch");
        bench.measure_items(&calls("mac 16 B"), items, || {
            mac.mac_batch(&messages).unwrap()
        });
        let tags = mac.mac_batch(&messages).unwrap();
        let tagged: Vec<_> = tags
            .into_iter()
            .map(|tag| (message, tag.unwrap()))
            .collect();
        bench.measure_items(&calls("verify-mac 16 B"), items, || {
            mac.verify_mac_batch(&tagged).unwrap()
        });
        bench.measure_items(&calls("seal 16 B"), items, || {
            siv.seal_batch(b"context", &messages).unwrap()
        });
        let blobs = siv.seal_batch(b"context", &messages).unwrap();
        let blobs: Vec<_> = blobs.into_iter().map(Result::unwrap).collect();
        bench.measure_items(&calls("unseal 16 B"), items, || {
            siv.unseal_batch(b"context", &blobs).unwrap()
        });
    }
    let messages = [message; SIGNATURES];
    let name = format!("P-256 sign, each of {SIGNATURES} in a batch");
    bench.measure_items(&name, SIGNATURES, || sign.sign_batch(&messages).unwrap());
}

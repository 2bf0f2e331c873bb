//! What changes nothing that is stored.

use claviger::Algorithm;
use claviger::{identity::uid_identity, shares::Manifest};
use claviger_proto::message::{
    BatchRequest, ComponentCancelRequest, ComponentShowRequest, ComponentStartRequest,
    DescribeRequest, DeviceKeyRequest, InfoRequest, ListAllRequest, ListGrantedRequest,
    ListRequest, MacFinishRequest, MacStartRequest, MacUpdateRequest, PendingCancelRequest,
    PendingListRequest, PublicKeyRequest, QuotaShowRequest, RandomRequest, RestoreCancelRequest,
    RestoreStartRequest, RestoreTrustListRequest, SelfTestRequest, VerifyMacFinishRequest,
};
use claviger_proto::{Digits, batch::Batched};
use claviger_tests::{ALICE, BOB, Device, Handle, label, new_key};

use super::{Call, made};
use crate::bench::On;

/// A call that changes nothing.
pub(crate) type Reading = Box<dyn Fn(&On) -> Call>;

/// Every command that changes nothing, of the keys that this makes.
pub(crate) fn prepare(device: &Device) -> Vec<Reading> {
    let root = device.user(0);
    Handle::generate(&root, new_key("signer", Algorithm::Ed25519)).unwrap();
    let mac = Handle::generate(&root, new_key("mac", Algorithm::HmacSha256)).unwrap();
    let tag = mac.mac(b"message").unwrap();
    let (manifest, hash) = made::deleted_but_shared(&root);
    let signed = manifest.clone();
    let again = move |on: &On| {
        let device = on.root.device_key().unwrap().public;
        on.root
            .restore(&Manifest::verify(&signed, &device).unwrap())
            .unwrap()
    };
    vec![
        Box::new(|on| Call::new(&on.root, InfoRequest {}, &[])),
        Box::new(|on| Call::new(&on.root, SelfTestRequest {}, &[])),
        Box::new(|on| Call::new(&on.root, RandomRequest { length: 32 }, &[])),
        Box::new(|on| {
            let (cursor, owner) = (0, None);
            Call::new(&on.root, ListRequest { cursor, owner }, &[])
        }),
        Box::new(|on| Call::new(&on.root, ListAllRequest { cursor: 0 }, &[])),
        Box::new(|on| Call::new(&on.root, ListGrantedRequest { cursor: 0 }, &[])),
        Box::new(|on| {
            let key = label("signer").into();
            Call::new(&on.root, DescribeRequest { key }, &[])
        }),
        Box::new(|on| {
            let (key, version) = (label("signer").into(), None);
            Call::new(&on.root, PublicKeyRequest { key, version }, &[])
        }),
        Box::new(|on| {
            start(on, false);
            Call::new(&on.root, MacUpdateRequest {}, b"message")
        }),
        Box::new(|on| {
            start(on, false);
            Call::new(&on.root, MacFinishRequest {}, b"message")
        }),
        Box::new(move |on| {
            start(on, true);
            let update = Call::new(&on.root, MacUpdateRequest {}, b"message");
            update.make().unwrap();
            Call::new(&on.root, VerifyMacFinishRequest {}, &tag)
        }),
        Box::new(|on| {
            let request = BatchRequest {
                work: Batched::Mac,
                key: label("mac").into(),
                context: 0,
                tag: 0,
            };
            Call::new(&on.root, request, b"\0\0\0\x07message")
        }),
        Box::new(|on| {
            let request = ComponentStartRequest {
                new: new_key("new", Algorithm::Aes128Cmac),
                custodians: [ALICE, BOB].map(uid_identity).into_iter().collect(),
            };
            Call::new(&on.root, request, &[])
        }),
        Box::new(|on| {
            let ceremony = made::begin_components(on);
            Call::new(&on.root, ComponentShowRequest { ceremony }, &[])
        }),
        Box::new(|on| {
            let ceremony = made::begin_components(on);
            Call::new(&on.root, ComponentCancelRequest { ceremony }, &[])
        }),
        Box::new(move |on| {
            let device = Digits(hash);
            Call::new(&on.root, RestoreStartRequest { device }, &manifest)
        }),
        Box::new(move |on| {
            let restore = again(on).id();
            Call::new(&on.root, RestoreCancelRequest { restore }, &[])
        }),
        Box::new(|on| Call::new(&on.root, DeviceKeyRequest {}, &[])),
        Box::new(|on| Call::new(&on.root, PendingListRequest {}, &[])),
        Box::new(|on| {
            made::begin_components(on);
            let (id, owner) = (None, None);
            Call::new(&on.root, PendingCancelRequest { id, owner }, &[])
        }),
        Box::new(|on| Call::new(&on.root, QuotaShowRequest { owner: None }, &[])),
        Box::new(|on| Call::new(&on.root, RestoreTrustListRequest {}, &[])),
    ]
}

/// Begins a MAC stream.
fn start(on: &On, verify: bool) {
    let (key, version) = (label("mac").into(), None);
    let request = MacStartRequest {
        key,
        verify,
        version,
    };
    Call::new(&on.root, request, &[]).make().unwrap();
}

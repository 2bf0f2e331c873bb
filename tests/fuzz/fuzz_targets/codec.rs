//! Frames and headers: what decodes is what was meant, and encodes to what decodes to it again.

#![no_main]

use claviger_fuzz::Input;
use claviger_proto::{
    Command, codec,
    command::Request,
    frame::{PREFIX, Prefix},
    limits,
    message::*,
};
use libfuzzer_sys::fuzz_target;
use serde::{Serialize, de::DeserializeOwned};

fuzz_target!(|data: &[u8]| {
    if let Some(prefix) = data.first_chunk::<PREFIX>() {
        frame(prefix, data.len());
    }
    let mut input = Input(data);
    let command = *input.choose(Command::ALL);
    let header = input.0;
    if header.len() > limits::HEADER {
        return;
    }
    match command {
        Command::Info => both::<InfoRequest>(header),
        Command::SelfTest => both::<SelfTestRequest>(header),
        Command::Random => both::<RandomRequest>(header),
        Command::Generate => both::<GenerateRequest>(header),
        Command::Import => both::<ImportRequest>(header),
        Command::List => both::<ListRequest>(header),
        Command::Describe => both::<DescribeRequest>(header),
        Command::Delete => both::<DeleteRequest>(header),
        Command::PublicKey => both::<PublicKeyRequest>(header),
        Command::Seal => both::<SealRequest>(header),
        Command::Unseal => both::<UnsealRequest>(header),
        Command::Mac => both::<MacRequest>(header),
        Command::VerifyMac => both::<VerifyMacRequest>(header),
        Command::MacStart => both::<MacStartRequest>(header),
        Command::MacUpdate => both::<MacUpdateRequest>(header),
        Command::MacFinish => both::<MacFinishRequest>(header),
        Command::VerifyMacFinish => both::<VerifyMacFinishRequest>(header),
        Command::Sign => both::<SignRequest>(header),
        Command::Challenge => both::<ChallengeRequest>(header),
        Command::Respond => both::<RespondRequest>(header),
        Command::Confirm => both::<ConfirmRequest>(header),
        Command::Lock => both::<LockRequest>(header),
        Command::FactoryReset => both::<FactoryResetRequest>(header),
        Command::DeclareLost => both::<DeclareLostRequest>(header),
        Command::Rotate => both::<RotateRequest>(header),
        Command::Retire => both::<RetireRequest>(header),
        Command::SetState => both::<SetStateRequest>(header),
        Command::SetPolicy => both::<SetPolicyRequest>(header),
        Command::CatchUp => both::<CatchUpRequest>(header),
        Command::Reseal => both::<ResealRequest>(header),
        Command::Encrypt => both::<EncryptRequest>(header),
        Command::Decrypt => both::<DecryptRequest>(header),
        Command::Derive => both::<DeriveRequest>(header),
        Command::Combine => both::<CombineRequest>(header),
        Command::Wrap => both::<WrapRequest>(header),
        Command::Revoke => both::<RevokeRequest>(header),
        Command::Unwrap => both::<UnwrapRequest>(header),
        Command::ComponentStart => both::<ComponentStartRequest>(header),
        Command::ComponentShow => both::<ComponentShowRequest>(header),
        Command::ComponentEnter => both::<ComponentEnterRequest>(header),
        Command::ComponentCancel => both::<ComponentCancelRequest>(header),
        Command::Share => both::<ShareRequest>(header),
        Command::RestoreStart => both::<RestoreStartRequest>(header),
        Command::RestoreShare => both::<RestoreShareRequest>(header),
        Command::RestoreCancel => both::<RestoreCancelRequest>(header),
        Command::RestoreTrustAdd => both::<RestoreTrustAddRequest>(header),
        Command::RestoreTrustList => both::<RestoreTrustListRequest>(header),
        Command::RestoreTrustRemove => both::<RestoreTrustRemoveRequest>(header),
        Command::AuditRead => both::<AuditReadRequest>(header),
        Command::AuditCheckpoint => both::<AuditCheckpointRequest>(header),
        Command::AuditStrict => both::<AuditStrictRequest>(header),
        Command::AuditRelease => both::<AuditReleaseRequest>(header),
        Command::DeviceKey => both::<DeviceKeyRequest>(header),
        Command::InstallCertificate => both::<InstallCertificateRequest>(header),
        Command::Batch => both::<BatchRequest>(header),
        Command::PendingList => both::<PendingListRequest>(header),
        Command::PendingCancel => both::<PendingCancelRequest>(header),
        Command::QuotaShow => both::<QuotaShowRequest>(header),
        Command::QuotaSet => both::<QuotaSetRequest>(header),
        Command::Chown => both::<ChownRequest>(header),
        Command::Rename => both::<RenameRequest>(header),
        Command::ListAll => both::<ListAllRequest>(header),
        Command::ListGranted => both::<ListGrantedRequest>(header),
    }
});

fn frame(bytes: &[u8; PREFIX], available: usize) {
    if let Ok(prefix) = Prefix::decode(bytes, available) {
        assert!(prefix.frame_len() <= available);
        assert_eq!(prefix.encode(), Ok(*bytes));
    }
    if Prefix::decode_request(bytes, available).is_ok() {
        assert!(Prefix::decode(bytes, available).is_ok());
    }
}

fn both<R: Request>(header: &[u8]) {
    round_trip::<R>(header);
    round_trip::<R::Response>(header);
}

fn round_trip<T: Serialize + DeserializeOwned>(header: &[u8]) {
    let Ok(message) = codec::decode::<T>(header) else {
        return;
    };
    let mut once = [0; limits::HEADER];
    let Ok(len) = codec::encode(&message, &mut once) else {
        return;
    };
    let again: T = codec::decode(&once[..len]).unwrap();
    let mut twice = [0; limits::HEADER];
    assert_eq!(codec::encode(&again, &mut twice), Ok(len));
    assert_eq!(once[..len], twice[..len]);
}

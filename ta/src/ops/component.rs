//! `component-start`, `component-show`, `component-enter` and `component-cancel`: a key that no
//! one person has entered.

use claviger_proto::{
    Digits, Home, Identity, Login, Origin, Status, audit::Event, limits, message::*,
};
use zeroize::Zeroize;

use super::new_key::record;
use crate::{
    Platform, Service, Session,
    ceremonies::Components,
    crypto::{Secret, check_value},
    exchange::Payload,
    keyring::Keyring,
    policy::{self, Settled},
};

/// Begins to put a key together. It will be in the vault: wrapped, it would go to whoever enters
/// the last component.
#[inline(never)]
pub(crate) fn component_start<P: Platform>(
    service: &mut Service<P>,
    session: &mut Session,
    request: ComponentStartRequest,
    payload: &mut Payload,
) -> Result<ComponentStartResponse, Status> {
    payload.expect_empty()?;
    let Service {
        keyring,
        platform,
        ceremonies,
        ..
    } = service;
    let ComponentStartRequest { new, custodians } = request;
    let several = custodians.len() >= 2;
    // A user and a group of that user's are one person.
    if custodians.iter().any(|one| one.login != Login::User) {
        return Err(Status::BadHeader);
    }
    let repeated = |(place, one)| custodians.iter().take(place).any(|other| other == one);
    if !several || custodians.iter().enumerate().any(repeated) {
        return Err(Status::BadHeader);
    }
    if new.home != Home::Vault || !new.algorithm.is_derivable() {
        return Err(Status::UnsupportedUsage);
    }
    let settled = policy::settle(new, &session.caller)?;
    expect_unlocked(keyring, platform)?;
    let owner = settled.owner;
    keyring
        .vault
        .expect_free(platform, &owner, &settled.new.key)?;
    let components = Components {
        settled,
        custodians,
        entered: heapless::Vec::new(),
    };
    let timeout = limits::COMPONENT_SECONDS;
    let holder = |whose| keyring.vault.holder(whose);
    let ceremony = ceremonies
        .components
        .begin(platform, owner, timeout, components, holder)?;
    Ok(ComponentStartResponse { ceremony, timeout })
}

/// Shows what a component is wanted for, so that nobody enters one unseen.
#[inline(never)]
pub(crate) fn component_show<P: Platform>(
    service: &mut Service<P>,
    session: &mut Session,
    request: ComponentShowRequest,
    payload: &mut Payload,
) -> Result<ComponentShowResponse, Status> {
    payload.expect_empty()?;
    let caller = session.caller.identity()?;
    let administrator = session.caller.is_administrator();
    let now = service.platform.uptime()?;
    let components = &mut service.ceremonies.components;
    let ceremony = components.find(&request.ceremony, |one| {
        administrator || one.owner == caller || one.of.custodians.contains(&caller)
    })?;
    let Settled { new, usage, .. } = &ceremony.of.settled;
    let entered = ceremony.of.entered.iter();
    Ok(ComponentShowResponse {
        new: NewKey {
            usage: Some(*usage),
            ..new.clone()
        },
        owner: ceremony.owner,
        custodians: ceremony.of.custodians.clone(),
        entered: entered.map(|(custodian, _)| *custodian).collect(),
        timeout: ceremony.seconds_left(now),
    })
}

/// Takes a custodian's component; with the last of them the key is made. If that fails, the others
/// stay and the last can be entered again.
#[inline(never)]
pub(crate) fn component_enter<P: Platform>(
    service: &mut Service<P>,
    session: &mut Session,
    request: ComponentEnterRequest,
    payload: &mut Payload,
) -> Result<ComponentEnterResponse, Status> {
    let component = Secret::new(payload.bytes());
    payload.bytes_mut().zeroize();
    payload.clear();
    let Service {
        keyring,
        platform,
        ceremonies,
        ..
    } = service;
    let caller = session.caller.identity()?;
    let components = &mut ceremonies.components;
    let ceremony = components.find(&request.ceremony, |one| one.of.custodians.contains(&caller))?;
    if ceremony.of.has(&caller) {
        return Err(Status::AlreadyEntered);
    }
    expect_unlocked(keyring, platform)?;
    let component = component?;
    let key = ceremony.of.with(&component)?;
    let count = |number: usize| u8::try_from(number).map_err(|_| Status::Internal);
    let mut response = ComponentEnterResponse {
        entered: count(ceremony.of.entered.len().saturating_add(1))?,
        expected: count(ceremony.of.custodians.len())?,
        check_value: Digits(check_value(component.as_bytes())?),
        key: None,
        key_check_value: None,
    };
    let Some(key) = key else {
        let (owner, label) = (ceremony.owner, ceremony.of.settled.new.key.clone());
        keyring
            .vault
            .record(platform, Some(caller), Event::ComponentEntered, |record| {
                record.owner = Some(owner);
                record.label = Some(label);
                record.detail = response.entered.into();
            })?;
        let entered = &mut ceremony.of.entered;
        entered
            .push((caller, component))
            .map_err(|_| Status::Internal)?;
        return Ok(response);
    };
    response.key_check_value = Some(Digits(check_value(key.as_bytes())?));
    let settled = ceremony.of.settled.clone();
    response.key = Some(make(keyring, platform, settled, key, caller)?);
    components.end(&request.ceremony);
    Ok(response)
}

/// Forgets the components that are in.
#[inline(never)]
pub(crate) fn component_cancel<P: Platform>(
    service: &mut Service<P>,
    session: &mut Session,
    request: ComponentCancelRequest,
    payload: &mut Payload,
) -> Result<Done, Status> {
    payload.expect_empty()?;
    let caller = session.caller.identity()?;
    let administrator = session.caller.is_administrator();
    let components = &mut service.ceremonies.components;
    components.find(&request.ceremony, |one| {
        administrator || one.owner == caller
    })?;
    components.end(&request.ceremony);
    Ok(Done {})
}

/// Components come in the clear.
fn expect_unlocked<P: Platform>(keyring: &mut Keyring<P>, platform: &mut P) -> Result<(), Status> {
    if keyring.vault.is_locked(platform)? {
        return Err(Status::Locked);
    }
    Ok(())
}

#[inline(never)]
fn make<P: Platform>(
    keyring: &mut Keyring<P>,
    platform: &mut P,
    settled: Settled,
    key: Secret,
    caller: Identity,
) -> Result<KeyDescription, Status> {
    let record = record(platform, settled, Origin::Assembled, key)?;
    let description = record.describe(record.counters, Home::Vault, None);
    keyring.vault.insert(platform, record, caller)?;
    Ok(description)
}

//! Many small operations in one call: the way into the TEE and back is paid once.

use claviger_proto::{
    Algorithm, Status,
    batch::{Batched, ITEM, Outcome, RESULT},
    blob, limits,
    message::{BatchRequest, BatchResponse},
};

use super::{Signature, seal::check_context};
use crate::{Error, Key, error::ProtocolError};

/// Bytes that an answer is longer than its item, at most: those of a signature of a short message.
const GROWTH: usize = 128;

/// What became of each item, in their order.
pub type Outcomes<T> = Vec<Result<T, Error>>;

/// What is done with an item that goes alone.
type Alone = fn(&Key, &[u8], &[u8]) -> Result<Vec<u8>, Error>;

/// What is done with all items.
struct Ask<'a> {
    work: Batched,
    context: &'a [u8],
    tag: usize,
}

impl Key {
    /// The MAC of each message, as [`Key::mac`].
    ///
    /// As with every batch, what fits goes in one call together, and what is too long for it alone:
    /// the results are the same, each item's its own. Other callers are served in between.
    ///
    /// ```
    /// # #[cfg(feature = "emulator")] {
    /// # use claviger::{Algorithm, Client, transport::emulator::Emulator};
    /// # let client = Client::builder().emulator(Emulator::memory()).open()?;
    /// let key = client.generate("readings", Algorithm::Aes128Cmac)?;
    /// let readings = ["20.1", "20.3", "20.2"];
    /// for (reading, tag) in readings.iter().zip(key.mac_batch(&readings)?) {
    ///     key.verify_mac(reading.as_bytes(), &tag?)?;
    /// }
    /// # }
    /// # Ok::<(), claviger::Error>(())
    /// ```
    ///
    /// # Errors
    /// What no item is to blame for: [`Error::Transport`], [`Error::Protocol`]. Each result has the
    /// errors of [`Key::mac`].
    pub fn mac_batch(&self, messages: &[impl AsRef<[u8]>]) -> Result<Outcomes<Vec<u8>>, Error> {
        let messages: Vec<[&[u8]; 2]> = messages.iter().map(|one| [one.as_ref(), &[]]).collect();
        self.batch(
            &Ask::plain(Batched::Mac),
            &messages,
            |[message, _]| self.mac(message),
            |outcome| Ok(outcome.bytes.to_vec()),
        )
    }

    /// Checks the MAC of each message, given as message and tag, as [`Key::verify_mac`].
    ///
    /// # Errors
    /// As [`Key::mac_batch`]; each result has the errors of [`Key::verify_mac`].
    pub fn verify_mac_batch(
        &self,
        messages: &[(impl AsRef<[u8]>, impl AsRef<[u8]>)],
    ) -> Result<Outcomes<()>, Error> {
        let tag = match self.algorithm() {
            Algorithm::HmacSha256 => 32,
            _ => 16,
        };
        let ask = Ask {
            tag,
            ..Ask::plain(Batched::VerifyMac)
        };
        let messages: Vec<[&[u8]; 2]> = messages
            .iter()
            .map(|(message, tag)| [tag.as_ref(), message.as_ref()])
            .collect();
        self.batch(
            &ask,
            &messages,
            |[tag, message]| self.verify_mac(message, tag),
            |_| Ok(()),
        )
    }

    /// Signs each message, as [`Key::sign`].
    ///
    /// # Errors
    /// As [`Key::mac_batch`]; each result has the errors of [`Key::sign`].
    pub fn sign_batch(&self, messages: &[impl AsRef<[u8]>]) -> Result<Outcomes<Signature>, Error> {
        let signed: Vec<_> = messages
            .iter()
            .map(|one| self.signed(one.as_ref()))
            .collect();
        let signed: Vec<[&[u8]; 2]> = signed.iter().map(|one| [&one[..], &[]]).collect();
        self.batch(
            &Ask::plain(Batched::Sign),
            &signed,
            |[signed, _]| self.sign_input(signed),
            |outcome| Signature::new(self.algorithm(), outcome.version, outcome.bytes),
        )
    }

    /// Seals each text under this context, as [`Key::seal`].
    ///
    /// # Errors
    /// As [`Key::mac_batch`]; each result has the errors of [`Key::seal`].
    pub fn seal_batch(
        &self,
        context: &[u8],
        texts: &[impl AsRef<[u8]>],
    ) -> Result<Outcomes<Vec<u8>>, Error> {
        self.sealing(Batched::Seal, context, texts, Key::seal)
    }

    /// Opens each blob under this context, as [`Key::unseal`].
    ///
    /// # Errors
    /// As [`Key::mac_batch`]; each result has the errors of [`Key::unseal`].
    pub fn unseal_batch(
        &self,
        context: &[u8],
        blobs: &[impl AsRef<[u8]>],
    ) -> Result<Outcomes<Vec<u8>>, Error> {
        self.sealing(Batched::Unseal, context, blobs, Key::unseal)
    }

    /// Moves each blob to the newest version of the key, as [`Key::reseal`].
    ///
    /// # Errors
    /// As [`Key::mac_batch`]; each result has the errors of [`Key::reseal`].
    pub fn reseal_batch(
        &self,
        context: &[u8],
        blobs: &[impl AsRef<[u8]>],
    ) -> Result<Outcomes<Vec<u8>>, Error> {
        self.sealing(Batched::Reseal, context, blobs, Key::reseal)
    }

    fn sealing(
        &self,
        work: Batched,
        context: &[u8],
        items: &[impl AsRef<[u8]>],
        alone: Alone,
    ) -> Result<Outcomes<Vec<u8>>, Error> {
        check_context(context)?;
        let ask = Ask {
            context,
            ..Ask::plain(work)
        };
        let items: Vec<[&[u8]; 2]> = items.iter().map(|one| [one.as_ref(), &[]]).collect();
        self.batch(
            &ask,
            &items,
            |[item, _]| alone(self, context, item),
            |outcome| Ok(outcome.bytes.to_vec()),
        )
    }

    /// Does all items: together where they fit, by `alone` where one does not.
    fn batch<T>(
        &self,
        ask: &Ask<'_>,
        items: &[[&[u8]; 2]],
        alone: impl Fn([&[u8]; 2]) -> Result<T, Error>,
        take: impl Fn(&Outcome<'_>) -> Result<T, Error>,
    ) -> Result<Outcomes<T>, Error> {
        let mut results = Vec::with_capacity(items.len());
        while let Some(rest) = items.get(results.len()..).filter(|rest| !rest.is_empty()) {
            let together = &rest[..self.together(ask, rest)];
            match together {
                [] | [_] => results.push(alone(rest[0])),
                _ => self.call_batch(ask, together, &mut results, &take)?,
            }
        }
        Ok(results)
    }

    /// How many of the first items go in one call.
    fn together(&self, ask: &Ask<'_>, items: &[[&[u8]; 2]]) -> usize {
        let room = self.room().saturating_sub(ask.context.len());
        let mut used = 0;
        let fits = |[one, two]: &&[&[u8]; 2]| {
            used += RESULT + GROWTH + one.len() + two.len();
            used <= room && ask.takes(one, two)
        };
        items.iter().take(limits::BATCH).take_while(fits).count()
    }

    fn call_batch<T>(
        &self,
        ask: &Ask<'_>,
        items: &[[&[u8]; 2]],
        results: &mut Outcomes<T>,
        take: impl Fn(&Outcome<'_>) -> Result<T, Error>,
    ) -> Result<(), Error> {
        let request = BatchRequest {
            work: ask.work,
            key: self.reference(),
            context: ask.context.len() as u32,
            tag: ask.tag as u32,
        };
        let lengths: Vec<[u8; ITEM]> = items
            .iter()
            .map(|[one, two]| ((one.len() + two.len()) as u32).to_be_bytes())
            .collect();
        let mut parts: Vec<&[u8]> = vec![self.front(), ask.context];
        for (length, [one, two]) in lengths.iter().zip(items) {
            parts.extend([&length[..], one, two]);
        }
        let lengths = items.iter().map(|[one, two]| one.len() + two.len());
        let reply = lengths.map(|length| RESULT + GROWTH + length).sum();
        self.client
            .call_for(&request, &parts, reply, |response, bytes| {
                let outcomes = outcomes(&response, bytes, items.len())?;
                results.extend(outcomes.iter().map(|outcome| match outcome.status {
                    Status::Ok => take(outcome),
                    status => Err(Error::Ta(status)),
                }));
                Ok(())
            })
    }
}

impl Ask<'_> {
    fn plain(work: Batched) -> Self {
        Ask {
            work,
            context: &[],
            tag: 0,
        }
    }

    /// Whether an item can go with others: a tag of this length, a blob of one chunk.
    fn takes(&self, one: &[u8], two: &[u8]) -> bool {
        let sealed = one.len().checked_sub(blob::HEADER + blob::TAG);
        match self.work {
            Batched::VerifyMac => one.len() == self.tag,
            Batched::Seal => one.len() <= limits::CHUNK,
            // What is no blob gets the same error as alone, from here.
            Batched::Unseal | Batched::Reseal => blob::Header::decode(one)
                .is_ok_and(|header| sealed.is_some_and(|length| length <= header.chunk as usize)),
            _ => two.is_empty(),
        }
    }
}

/// The results of the first items, at least one.
fn outcomes<'a>(
    response: &BatchResponse,
    bytes: &'a [u8],
    asked: usize,
) -> Result<Vec<Outcome<'a>>, Error> {
    let wrong = || ProtocolError::Payload {
        command: "batch",
        length: bytes.len(),
    };
    let mut outcomes = Vec::new();
    let mut rest = bytes;
    while let Some((outcome, behind)) = Outcome::split(rest) {
        outcomes.push(outcome);
        rest = behind;
    }
    let done = response.done as usize;
    if !rest.is_empty() || outcomes.len() != done || !(1..=asked).contains(&done) {
        return Err(wrong().into());
    }
    Ok(outcomes)
}

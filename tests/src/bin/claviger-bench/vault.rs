//! What is kept: keys, few and many, and audit logs.

use claviger::{
    Algorithm, Client,
    audit::LogOf,
    proto::message::{AuditReadRequest, ListRequest},
};

use crate::measure::Bench;

/// Keys for the last rows: more than are kept in memory by far.
const MANY: usize = 1000;

/// `client` has done enough for a page.
pub(crate) fn audit(bench: &Bench, client: &Client) {
    let page = AuditReadRequest {
        of: None,
        shared: false,
        from: 0,
    };
    bench.measure("audit read, a page", 100, || {
        let (page, records) = client.request(&page, &[]).unwrap();
        assert!(page.next.is_some(), "this is not a whole page");
        records
    });
    bench.measure("audit checkpoint", 50, || {
        client.audit_checkpoint(LogOf::Caller, b"nonce").unwrap()
    });
}

pub(crate) fn keys(bench: &Bench, client: &Client) {
    let generate = |number: usize| {
        let label = format!("key{number}");
        client.generate(&label, Algorithm::Aes128Cmac).unwrap()
    };
    let mut made = 0;
    bench.measure("generate stored", 10, || {
        made += 1;
        generate(made - 1)
    });
    bench.measure("find among 10, in memory", 100, || {
        client.describe("key3").unwrap()
    });
    let page = ListRequest {
        cursor: 0,
        owner: None,
    };
    bench.measure("list page", 100, || {
        let (page, _) = client.request(&page, &[]).unwrap();
        assert!(page.next.is_some(), "this is not a whole page");
        page
    });
    for number in made..MANY {
        generate(number);
        if number.is_multiple_of(50) {
            eprintln!("{number} of {MANY} keys");
        }
    }
    // The next ones are read anew: those used before them are kept in memory, these are not.
    let mut next = 0;
    bench.measure("find among 1000, stored", 50, || {
        next += 7;
        client.describe(&format!("key{next}")).unwrap()
    });
    bench.measure("find among 1000, in memory", 100, || {
        client.describe("key999").unwrap()
    });
    bench.measure("find among 1000, absent", 50, || {
        client.describe("absent").unwrap_err()
    });
    bench.measure("generate stored among 1000", 5, || {
        made += MANY;
        generate(made)
    });
    bench.measure("delete among 1000", 5, || {
        next += 1;
        client.delete(&format!("key{next}")).unwrap();
    });
}

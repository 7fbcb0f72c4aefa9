// SPDX-License-Identifier: Apache-2.0
//! Bodies, read within their bounds.

use std::pin::Pin;

use bytes::{Bytes, BytesMut};
use hyper::body::{Body as _, Incoming};
use lukhas_reliability::{Deadline, FailureKind};

use super::patience::{Elapsed, Limit, Patience};
use crate::error::{Failed, Unreadable};

/// Reads a body of at most `limit` bytes.
pub(super) async fn read(
    mut body: Incoming,
    limit: usize,
    deadline: Deadline,
    patience: &mut Patience,
) -> Result<Bytes, Failed> {
    // Most bodies are one frame, which is handed on without a copy.
    let (mut first, mut whole) = (Bytes::new(), BytesMut::new());
    let until = Limit::Until(deadline.moment());
    loop {
        let frame = patience.wait(until, |cx| Pin::new(&mut body).poll_frame(cx));
        let frame = frame.await;
        let frame =
            frame.map_err(|Elapsed(time)| Failed::timeout("did not finish its answer", time))?;
        let Some(frame) = frame else {
            break;
        };
        let Ok(data) = frame.map_err(|_| Failed::truncated())?.into_data() else {
            continue;
        };
        if first.len() + whole.len() + data.len() > limit {
            let what = format!("it is larger than {limit} bytes");
            return Err(Failed::new(
                FailureKind::ServerError,
                Unreadable::new(what).into(),
            ));
        }
        if first.is_empty() && whole.is_empty() {
            first = data;
            continue;
        }
        whole.extend_from_slice(&std::mem::take(&mut first));
        whole.extend_from_slice(&data);
    }
    Ok(match whole.is_empty() {
        true => first,
        false => whole.freeze(),
    })
}

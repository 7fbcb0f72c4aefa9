// SPDX-License-Identifier: Apache-2.0
//! Bodies, read within their bounds.

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use lukhas_reliability::{Deadline, FailureKind};
use tokio::time::timeout;

use crate::error::{Failed, Unreadable};

/// Reads a body of at most `limit` bytes.
pub(super) async fn read(
    mut body: Incoming,
    limit: usize,
    deadline: Deadline,
) -> Result<Bytes, Failed> {
    let remaining = deadline.remaining();
    let all = async {
        // Most bodies are one frame, which is handed on without a copy.
        let (mut first, mut whole) = (Bytes::new(), BytesMut::new());
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|_| Failed::truncated())?;
            let Ok(data) = frame.into_data() else {
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
    };
    timeout(remaining, all)
        .await
        .map_err(|_| Failed::timeout("did not finish its answer", remaining))?
}

// SPDX-License-Identifier: Apache-2.0
//! `lukhas mock`: a fake upstream, until a signal ends it.

use std::fmt;

use lukhas_app::{MockFlags, MockSources, mock_options};
use lukhas_mock::{MockError, MockOptions, MockServer};
use tokio::runtime::Builder;

use crate::banner::url;
use crate::command::print;
use crate::failure::Failure;
use crate::signals::Signals;

/// Serves as `flags` say until a signal ends it. Nobody loses an answer that matters.
pub(crate) fn run(flags: MockFlags) -> Result<(), Failure> {
    let key = flags.require_key_env.clone();
    let options = mock_options(MockSources::of_process(flags))?;
    let runtime = Builder::new_multi_thread()
        .thread_name("lukhas")
        .enable_all()
        .build()
        .map_err(Failure::System)?;
    runtime.block_on(serve(options, key.as_deref()))
}

async fn serve(options: MockOptions, key: Option<&str>) -> Result<(), Failure> {
    // Before the first byte of output: whoever reads that may signal.
    let mut signals = Signals::new().map_err(Failure::System)?;
    let server = MockServer::start(options).await?;
    let url = url(server.address());
    print(&Banner { url, key }.to_string())?;
    signals.next().await;
    Ok(())
}

/// What the mock says when it is ready: where it is, and three requests to paste.
struct Banner<'k> {
    url: String,
    /// The variable that holds the key it asks for.
    key: Option<&'k str>,
}

impl fmt::Display for Banner<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { url, key } = self;
        writeln!(f, "lukhas mock {} is ready", env!("CARGO_PKG_VERSION"))?;
        writeln!(f, "  url   {url}  (a fake upstream for tests, not a model)")?;
        let mut curl = "curl".to_owned();
        match key {
            Some(name) => {
                writeln!(f, "  key   the one in ${name}")?;
                curl += &format!(" -H \"Authorization: Bearer ${name}\"");
            }
            None => writeln!(f, "  key   any, or none")?,
        }
        let json = "-H \"Content-Type: application/json\"";
        let messages = "\"messages\":[{\"role\":\"user\",\"content\":\"Hello\"}]";
        writeln!(f, "\n{curl} {url}/__mock/stats\n")?;
        writeln!(
            f,
            "{curl} {json} -N {url}/v1/chat/completions \\\n  -d '{{\"model\":\"mock+delay=100ms\",\
             \"stream\":true,{messages}}}'\n"
        )?;
        writeln!(
            f,
            "{curl} {json} -H \"anthropic-version: 2023-06-01\" {url}/v1/messages \\\n  \
             -d '{{\"model\":\"mock+503x1\",\"max_tokens\":64,{messages}}}'\n"
        )
    }
}

impl From<MockError> for Failure {
    fn from(error: MockError) -> Self {
        match error {
            MockError::Listen { address, source } => Self::Listen { address, source },
        }
    }
}

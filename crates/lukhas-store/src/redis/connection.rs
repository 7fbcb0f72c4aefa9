// SPDX-License-Identifier: Apache-2.0
//! One connection to a Redis: how it comes about, and whether that Redis will do.

mod server;
mod socket;

use std::time::Duration;

use futures_util::future::BoxFuture;
use redis::aio::MultiplexedConnection;
use redis::{
    AsyncConnectionConfig, Cmd, ErrorKind, RedisConnectionInfo, Script, ServerError, Value,
};
use tokio::time::timeout;

use self::socket::{Socket, Trust};
use super::RedisUrl;
use super::error::Failure;

pub(super) use self::socket::trust;

/// Most commands that wait to be written.
const WAITING: usize = 1_024;

/// Where to connect to, and how.
pub(super) struct Target {
    pub(super) url: RedisUrl,
    pub(super) trust: Trust,
    /// Most time until there is a connection that works.
    pub(super) patience: Duration,
    /// The key that is written to see whether that is allowed.
    pub(super) probe: String,
}

/// A connection that works.
pub(super) struct Connection {
    pub(super) commands: MultiplexedConnection,
    /// Moves what is sent and answered; ends with the connection.
    pub(super) driver: BoxFuture<'static, ()>,
    /// What operators should know of this Redis.
    pub(super) warnings: Vec<String>,
}

impl Target {
    /// A connection, once the other side has shown that it is a Redis that will do.
    ///
    /// # Errors
    /// [`Failure`] when there is none in time.
    pub(super) async fn connect(&self) -> Result<Connection, Failure> {
        let connected = timeout(self.patience, self.open()).await;
        connected.unwrap_or_else(|_| Err(Failure::down("it does not answer in time")))
    }

    /// The same failure, or a better one, of a first attempt: who speaks TLS to a Redis that does not, or
    /// the other way round, gets no answer at all.
    pub(super) async fn explain(&self, failure: Failure) -> Failure {
        if matches!(failure, Failure::Unfit(_)) {
            return failure;
        }
        let misread = timeout(self.patience, self.is_misread()).await;
        match (misread, self.url.is_tls) {
            (Ok(true), true) => NO_TLS.failure(),
            (Ok(true), false) => TLS.failure(),
            (Ok(false) | Err(_), _) => failure,
        }
    }

    async fn open(&self) -> Result<Connection, Failure> {
        let socket = self.socket().await?;
        let config = AsyncConnectionConfig::new()
            .set_pipeline_buffer_size(WAITING)
            .set_response_timeout(None);
        // It is introduced here, where it can be told which part of that fails.
        let nobody = RedisConnectionInfo::default().set_skip_set_lib_name();
        let opened = match socket {
            Socket::Plain(stream) => {
                let opened = MultiplexedConnection::new_with_config(&nobody, stream, config).await;
                opened.map(|(commands, driver)| (commands, Box::pin(driver) as BoxFuture<'_, _>))
            }
            Socket::Tls(stream) => {
                let opened = MultiplexedConnection::new_with_config(&nobody, stream, config).await;
                opened.map(|(commands, driver)| (commands, Box::pin(driver) as BoxFuture<'_, _>))
            }
        };
        let (commands, mut driver) = opened.map_err(|error| self.lost(&error))?;
        let greeting = self.greet(commands.clone());
        tokio::pin!(greeting);
        let greeted = tokio::select! {
            greeted = &mut greeting => Some(greeted?),
            () = &mut driver => None,
        };
        let Some(warnings) = greeted else {
            // The greeting knows why, once nobody is left to bring answers.
            drop(driver);
            let why = greeting.await.err();
            return Err(why.unwrap_or_else(|| Failure::down("it closed the connection")));
        };
        Ok(Connection {
            commands,
            driver,
            warnings,
        })
    }

    /// Says who asks, and looks at what answers.
    async fn greet(&self, mut commands: MultiplexedConnection) -> Result<Vec<String>, Failure> {
        if let Some(password) = &self.url.password {
            let mut auth = redis::cmd("AUTH");
            auth.arg(&self.url.user).arg(password.expose());
            self.take(Step::Password, &auth, &mut commands).await?;
        }
        if self.url.database != 0 {
            let mut select = redis::cmd("SELECT");
            select.arg(self.url.database);
            self.take(Step::Database, &select, &mut commands).await?;
        }
        let info = redis::cmd("INFO");
        let info = match self.take(Step::Info, &info, &mut commands).await? {
            Value::BulkString(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            _ => String::new(),
        };
        let warnings = server::check(&info)?;
        let probe = Script::new(include_str!("connection/probe.lua"));
        let probe = probe.key(&self.probe);
        let probed = probe.invoke_async::<Value>(&mut commands).await;
        probed.map_err(|error| match error.code() {
            // What it says depends on its version.
            Some("ERR") => NO_PERMISSION.failure(),
            _ => trouble(&error),
        })?;
        Ok(warnings)
    }

    /// Takes one step of an introduction.
    async fn take(
        &self,
        step: Step,
        command: &Cmd,
        commands: &mut MultiplexedConnection,
    ) -> Result<Value, Failure> {
        match commands.send_packed_command(command).await {
            Ok(Value::ServerError(error)) => Err(refused(step, &error)),
            Ok(answer) => Ok(answer),
            Err(error) => Err(self.lost(&error)),
        }
    }

    /// Why a connection broke before anything was asked.
    fn lost(&self, error: &redis::RedisError) -> Failure {
        match error.kind() {
            ErrorKind::Parse | ErrorKind::Client if self.url.is_tls => NOT_A_REDIS.failure(),
            ErrorKind::Parse | ErrorKind::Client => NOT_A_REDIS_OR_TLS.failure(),
            _ => Failure::down(format!("the connection broke: {error}")),
        }
    }
}

/// A part of an introduction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Password,
    Database,
    Info,
}

struct Unfit(&'static str, &'static str);

const NOT_A_REDIS: Unfit = Unfit(
    "what answers there is no Redis",
    "name the host and port of a Redis or Valkey",
);
const NOT_A_REDIS_OR_TLS: Unfit = Unfit(
    "what answers there is no Redis, or one that speaks TLS",
    "name the host and port of a Redis or Valkey; write `rediss://` where it speaks TLS",
);
const TLS: Unfit = Unfit("it speaks TLS", "write `rediss://`");
const NO_TLS: Unfit = Unfit("it does not speak TLS", "write `redis://`");
const NO_PASSWORD: Unfit = Unfit(
    "it wants a password",
    "write `redis://:PASSWORD@HOST`, or `redis://USER:PASSWORD@HOST`",
);
const WRONG_PASSWORD: Unfit = Unfit(
    "it refuses the user or the password",
    "write those of a user that the Redis knows (`ACL LIST` there shows them)",
);
const NEEDLESS_PASSWORD: Unfit = Unfit(
    "it has no password, and one is given",
    "leave it out, or set `requirepass` there",
);
const NO_DATABASE: Unfit = Unfit(
    "it has no database of that number",
    "write one that it has (`databases` in its configuration), as in `/0`",
);
const NO_PERMISSION: Unfit = Unfit(
    "its user may not do what is needed",
    "allow it `+@read +@write +@scripting +@connection +info +time` and the keys `~PREFIX:*`",
);

impl Unfit {
    fn failure(&self) -> Failure {
        Failure::unfit(self.0, self.1)
    }
}

/// Why a Redis refuses a part of an introduction.
fn refused(step: Step, error: &ServerError) -> Failure {
    match (step, error.code()) {
        (_, "NOPERM") => NO_PERMISSION.failure(),
        (_, "NOAUTH") => NO_PASSWORD.failure(),
        (Step::Password, "WRONGPASS") => WRONG_PASSWORD.failure(),
        (Step::Password, "ERR") => NEEDLESS_PASSWORD.failure(),
        (Step::Database, "ERR") => NO_DATABASE.failure(),
        (_, code) => Failure::down(reason(code)),
    }
}

/// What an error of a command says of the Redis.
pub(super) fn trouble(error: &redis::RedisError) -> Failure {
    match (error.kind(), error.code()) {
        (_, Some("NOPERM")) => NO_PERMISSION.failure(),
        (_, Some("NOAUTH")) => NO_PASSWORD.failure(),
        (_, Some("ERR")) => Failure::down(format!("it refuses a command: {error}")),
        (_, Some(code)) => Failure::down(reason(code)),
        (_, None) => Failure::down(format!("the connection broke: {error}")),
    }
}

fn reason(code: &str) -> String {
    let known = match code {
        "LOADING" => "it still reads its data",
        "BUSY" => "it is busy with a script",
        "OOM" => "it has no memory left",
        "READONLY" => "it is a replica, and cannot be written to",
        "MASTERDOWN" => "it is a replica, and has lost its primary",
        "MISCONF" => "it cannot save its data, and so takes none",
        "NOREPLICAS" => "it has too few replicas to be written to",
        code => return format!("it answers {code}"),
    };
    known.to_owned()
}

#[cfg(test)]
mod tests;

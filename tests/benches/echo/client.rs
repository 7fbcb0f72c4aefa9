// SPDX-License-Identifier: Apache-2.0
//! A load of plain keep-alive connections.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;

use crate::process::Server;

/// What a request cost a server.
pub(crate) struct Sample {
    /// CPU time a request, in microseconds.
    pub(crate) cpu_us: f64,
}

/// Talks to one server.
pub(crate) struct Client<'s> {
    server: &'s Server,
}

impl Sample {
    /// Sends `requests` over `connections` and reads the server's CPU time before and after.
    pub(crate) fn of(
        server: &Server,
        path: &str,
        body: &str,
        connections: u32,
        requests: u32,
    ) -> io::Result<Self> {
        let before = server.cpu_ns()?;
        let share = requests / connections;
        let load = || -> io::Result<()> {
            let mut connection = Connection::open(server)?;
            for _ in 0..share {
                connection.post(path, body)?;
            }
            Ok(())
        };
        std::thread::scope(|scope| -> io::Result<()> {
            let threads: Vec<_> = (0..connections).map(|_| scope.spawn(load)).collect();
            threads
                .into_iter()
                .try_for_each(|thread| thread.join().expect("no panic"))
        })?;
        let spent = server.cpu_ns()? - before;
        Ok(Self {
            cpu_us: spent as f64 / 1e3 / f64::from(requests),
        })
    }
}

impl<'s> Client<'s> {
    pub(crate) fn new(server: &'s Server) -> Self {
        Self { server }
    }

    /// The body of one answer.
    pub(crate) fn once(&self, path: &str, body: &str) -> io::Result<Vec<u8>> {
        Connection::open(self.server)?.post(path, body)
    }

    /// Number of `data:` lines of one streamed answer.
    pub(crate) fn count_events(&self, path: &str, body: &str) -> io::Result<usize> {
        let mut connection = Connection::open(self.server)?;
        connection.send(path, body, "close")?;
        let lines = connection.reader.lines().map_while(Result::ok);
        Ok(lines.filter(|line| line.starts_with("data: ")).count())
    }
}

/// One connection that is kept alive.
struct Connection<'s> {
    server: &'s Server,
    reader: BufReader<TcpStream>,
}

impl<'s> Connection<'s> {
    fn open(server: &'s Server) -> io::Result<Self> {
        let stream = TcpStream::connect(&server.address)?;
        stream.set_nodelay(true)?;
        Ok(Self {
            server,
            reader: BufReader::new(stream),
        })
    }

    fn post(&mut self, path: &str, body: &str) -> io::Result<Vec<u8>> {
        self.send(path, body, "keep-alive")?;
        self.receive()
    }

    fn send(&mut self, path: &str, body: &str, connection: &str) -> io::Result<()> {
        let request = format!(
            "POST {path} HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {}\r\n\
             content-type: application/json\r\nconnection: {connection}\r\n\
             content-length: {}\r\n\r\n{body}",
            self.server.key,
            body.len(),
        );
        self.reader.get_mut().write_all(request.as_bytes())
    }

    fn receive(&mut self) -> io::Result<Vec<u8>> {
        let mut length = 0;
        let mut line = String::new();
        self.reader.read_line(&mut line)?;
        if !line.starts_with("HTTP/1.1 200") {
            return Err(io::Error::other(format!("answered `{}`", line.trim())));
        }
        loop {
            line.clear();
            self.reader.read_line(&mut line)?;
            if line.trim().is_empty() {
                break;
            }
            if let Some((name, value)) = line.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = value.trim().parse().map_err(io::Error::other)?;
            }
        }
        let mut body = vec![0; length];
        self.reader.read_exact(&mut body)?;
        Ok(body)
    }
}

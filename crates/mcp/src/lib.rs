//! The Model Context Protocol server on standard input and output. Serves reports; it analyses nothing itself, opens no sockets and starts no programs.

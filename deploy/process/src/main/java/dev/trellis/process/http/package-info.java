/// A small HTTP/1.1 server for ports that few ask and everybody may attack, and what it has in
/// common with the REST gateway: who may stay, what a request may look like, and how those are told
/// who speak the wrong protocol.
@NullMarked
package dev.trellis.process.http;

import org.jspecify.annotations.NullMarked;

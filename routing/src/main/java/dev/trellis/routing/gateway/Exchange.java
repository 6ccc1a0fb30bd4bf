package dev.trellis.routing.gateway;

import io.netty.buffer.ByteBuf;
import io.netty.handler.codec.http.HttpHeaders;

/// A request that has arrived whole and is to be answered.
///
/// @param body its bytes, on the heap; empty if there is none
/// @param holding what it holds of the memory that all share
record Exchange(
    Route.Match match, RequestTarget target, HttpHeaders headers, ByteBuf body, Holding holding) {}

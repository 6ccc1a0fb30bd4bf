package dev.trellis.functions;

import dev.trellis.client.session.SessionToken;
import dev.trellis.lattice.Payload;

/// What a function answers, with the token of its session, for whoever goes on with it.
public record Answer(Payload result, SessionToken token) {}

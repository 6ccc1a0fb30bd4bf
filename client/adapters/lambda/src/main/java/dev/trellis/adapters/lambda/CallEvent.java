package dev.trellis.adapters.lambda;

import dev.trellis.functions.FunctionCall;
import dev.trellis.lattice.Payload;
import java.util.Base64;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// A [FunctionCall] as an event: `{"trelliscall":"…"}`, with the bytes of the call in base64url.
/// Lambda gives no client context to functions that are called asynchronously, so all of it is in
/// the event.
final class CallEvent {
  private static final Pattern FORM =
      Pattern.compile("\\s*\\{\\s*\"trelliscall\"\\s*:\\s*\"([A-Za-z0-9_-]*)\"\\s*}\\s*");

  private CallEvent() {}

  static Payload of(FunctionCall call) {
    String bytes = Base64.getUrlEncoder().withoutPadding().encodeToString(call.encode().toBytes());
    return Payload.ofText("{\"trelliscall\":\"" + bytes + "\"}");
  }

  /// The call that an event is; empty if it is none.
  ///
  /// @throws IllegalArgumentException if it looks like one, and is not
  static Optional<FunctionCall> call(Payload event) {
    if (!event.isText()) {
      return Optional.empty();
    }
    Matcher form = FORM.matcher(event.text());
    return form.matches()
        ? Optional.of(FunctionCall.decode(Payload.of(Base64.getUrlDecoder().decode(form.group(1)))))
        : Optional.empty();
  }
}

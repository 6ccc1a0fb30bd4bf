package dev.trellis.functions;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.causal.InvocationId;
import dev.trellis.client.session.SessionToken;
import dev.trellis.lattice.Payload;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class FunctionCallTest {
  private static final InvocationId ID = Functions.idOf("f", Instant.ofEpochMilli(1_800_000));
  private static final InvocationId OTHER = Functions.idOf("g", Instant.ofEpochMilli(1_700_000));

  @Test
  void aCallThatTravelsAsBytesIsTheSame() {
    for (FunctionCall.Argument argument :
        List.of(
            new FunctionCall.Given(Payload.EMPTY),
            new FunctionCall.Given(Payload.of(new byte[] {0, -1, 7})),
            new FunctionCall.ResultOf(OTHER))) {
      for (Payload token : List.of(Payload.EMPTY, Payload.of(new byte[] {2, 0, 9}))) {
        FunctionCall call =
            new FunctionCall(
                "größe",
                ID,
                argument,
                token.isEmpty()
                    ? Optional.empty()
                    : Optional.of(SessionToken.ofBytes(token.toBytes())));
        FunctionCall came = FunctionCall.decode(call.encode());
        assertEquals(call.function(), came.function());
        assertEquals(call.id(), came.id());
        assertEquals(call.argument(), came.argument());
        assertEquals(
            token, came.token().map(SessionToken::bytes).map(Payload::of).orElse(Payload.EMPTY));
      }
    }
  }

  @Test
  void whatIsNoCallIsRefusedWhateverIsWrongWithIt() {
    byte[] whole =
        new FunctionCall("f", ID, new FunctionCall.ResultOf(OTHER), Optional.empty())
            .encode()
            .toBytes();
    for (int length = 0; length < whole.length; length++) {
      Payload cut = Payload.of(Arrays.copyOf(whole, length));
      assertThrows(IllegalArgumentException.class, () -> FunctionCall.decode(cut), () -> "" + cut);
    }
    whole[0] = 9;
    IllegalArgumentException refused =
        assertThrows(IllegalArgumentException.class, () -> FunctionCall.decode(Payload.of(whole)));
    assertTrue(String.valueOf(refused.getMessage()).contains("version 9"));
  }
}

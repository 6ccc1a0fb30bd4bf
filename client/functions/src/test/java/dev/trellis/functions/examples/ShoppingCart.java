package dev.trellis.functions.examples;

import dev.trellis.functions.Function;
import dev.trellis.functions.Invocation;
import dev.trellis.lattice.Payload;
import java.util.Map;
import java.util.stream.Collectors;

/// A shopping cart that no retry fills twice, and that may be filled from two devices at once.
///
/// Takes `add USER ITEM NUMBER`, with a negative number to take out, and `show USER`; answers with
/// what is in the cart. The cart is a map with a counter for each item.
final class ShoppingCart implements Function {
  @Override
  public Payload handle(Invocation invocation, Payload argument) {
    String[] words = argument.text().split(" ", -1);
    String user = words[1];
    if (words[0].equals("add")) {
      invocation.map(cart(user)).counter(words[2]).add(Long.parseLong(words[3]));
    }
    return Payload.ofText(show(invocation, user));
  }

  private static String cart(String user) {
    return "cart/" + user;
  }

  private static String show(Invocation invocation, String user) {
    Map<Payload, ?> fields = invocation.map(cart(user)).fields();
    return fields.keySet().stream()
        .map(item -> item.text() + ": " + invocation.map(cart(user)).counter(item).value())
        .collect(Collectors.joining(", "));
  }
}

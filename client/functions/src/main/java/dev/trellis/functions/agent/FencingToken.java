package dev.trellis.functions.agent;

/// Tells by what right somebody acts, to systems that can refuse who was overtaken: they keep the
/// greatest token that they have seen, and refuse what comes with a lesser one. No two holders have
/// equal tokens, also while the store is torn in two.
///
/// @param epoch of the agent that gave it
/// @param host on which that was active
/// @param number of what the agent gave
public record FencingToken(long epoch, String host, long number)
    implements Comparable<FencingToken> {
  @Override
  public int compareTo(FencingToken other) {
    int order = Long.compare(epoch, other.epoch);
    // In one epoch the lesser host overtakes.
    order = order != 0 ? order : other.host.compareTo(host);
    return order != 0 ? order : Long.compare(number, other.number);
  }

  @Override
  public String toString() {
    return epoch + "." + host + "." + number;
  }

  /// The token of a text form.
  ///
  /// @throws IllegalArgumentException if it is none
  public static FencingToken ofText(String text) {
    int first = text.indexOf('.');
    int last = text.lastIndexOf('.');
    if (first < 0 || last == first) {
      throw new IllegalArgumentException("'" + text + "' is no fencing token: epoch.host.number");
    }
    return new FencingToken(
        Long.parseLong(text.substring(0, first)),
        text.substring(first + 1, last),
        Long.parseLong(text.substring(last + 1)));
  }
}

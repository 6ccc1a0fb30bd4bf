package dev.trellis.deploy.security;

import java.util.ArrayList;
import java.util.List;
import org.zeromq.ZMQ;

/// A CURVE key pair, in Z85: what a process shows on the control plane, or knows others by.
record CurvePair(String publicKey, String secretKey) {
  private static final String PUBLIC = "public ";
  private static final String SECRET = "secret ";

  /// Makes up a pair. Its public half never starts with `#`, since a line that does is a comment.
  static CurvePair mint() {
    while (true) {
      ZMQ.Curve.KeyPair pair = ZMQ.Curve.generateKeyPair();
      if (!pair.publicKey.startsWith("#")) {
        return new CurvePair(pair.publicKey, pair.secretKey);
      }
    }
  }

  /// The pairs of a file.
  ///
  /// @throws IllegalArgumentException if it holds something else; the message repeats none of it
  static List<CurvePair> parse(List<String> lines) {
    if (lines.isEmpty() || lines.size() % 2 != 0) {
      throw new IllegalArgumentException(
          "a file of CURVE keys has two lines for each, 'public …' and 'secret …'; here are "
              + lines.size());
    }
    List<CurvePair> pairs = new ArrayList<>();
    for (int at = 0; at < lines.size(); at += 2) {
      if (!lines.get(at).startsWith(PUBLIC) || !lines.get(at + 1).startsWith(SECRET)) {
        throw new IllegalArgumentException(
            "line " + (at + 1) + " and the next are no 'public …' and 'secret …'");
      }
      pairs.add(
          new CurvePair(
              lines.get(at).substring(PUBLIC.length()),
              lines.get(at + 1).substring(SECRET.length())));
    }
    return pairs;
  }

  /// As they stand in a file.
  static String text(List<CurvePair> pairs) {
    StringBuilder text = new StringBuilder();
    for (CurvePair pair : pairs) {
      text.append(PUBLIC).append(pair.publicKey).append('\n');
      text.append(SECRET).append(pair.secretKey).append('\n');
    }
    return text.toString();
  }

  /// Its public half alone.
  @Override
  public String toString() {
    return "CurvePair " + publicKey;
  }
}

package dev.trellis.wire;

import com.code_intelligence.jazzer.junit.FuzzTest;

/// The decoder under a fuzzer that follows the branches taken. As a test it repeats its corpus;
/// with `JAZZER_FUZZ=1` in the environment and `-Djazzer.hooks=true` it searches for five minutes,
/// or for `-Djazzer.max_duration=1h`. What it finds it leaves beside the corpus: keep that there.
class DecoderFuzzTest {
  @FuzzTest
  void decodesOrRefuses(byte[] bytes) {
    HostileBytesTest.assertHarmless(bytes);
  }
}

package dev.trellis.node;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Folders of nodes that were given up or have left.
class DataFolderTest {
  private static final int SHARDS = 4;

  @TempDir Path folder;

  @BeforeEach
  void live() throws IOException {
    try (DataFolder data = take()) {
      for (int shard = 0; shard < SHARDS; shard++) {
        Files.createDirectory(DataFolder.shard(folder, shard));
      }
      data.member().begin(7);
    }
  }

  private DataFolder take() {
    return DataFolder.take(folder, "c", "n", true);
  }

  private boolean hasData() {
    return Files.exists(DataFolder.shard(folder, 0)) || Files.exists(DataFolder.shard(folder, 3));
  }

  @Test
  void whatWasGivenUpIsSetAsideAlsoAfterAKillInTheMidst() throws IOException {
    KeptData.giveUp(folder);
    Path aside = Files.createDirectory(folder.resolve(DataFolder.asideName(7)));
    for (int moved = 0; moved < SHARDS; moved++) {
      Files.move(DataFolder.shard(folder, moved), DataFolder.shard(aside, moved));
      assertTrue(Files.exists(folder.resolve("member")), "it must be known until the last is away");
    }
    try (DataFolder data = take()) {
      assertFalse(hasData());
      assertEquals(List.of(), data.member().former());
    }
    assertTrue(Files.exists(DataFolder.shard(aside, SHARDS - 1)));
    assertTrue(Files.exists(aside.resolve("member")), "and is moved last");
  }

  @Test
  void whoHasLeftBeginsAnew() {
    try (DataFolder data = take()) {
      data.member().leave();
    }
    assertFalse(KeptData.isIn(folder));
    try (DataFolder data = take()) {
      assertFalse(hasData());
      assertEquals(List.of(), data.member().former());
    }
  }

  @Test
  void whoLivesOnHasItsData() {
    assertTrue(KeptData.isIn(folder));
    assertEquals(SHARDS, KeptData.shards(folder));
    try (DataFolder data = take()) {
      assertTrue(hasData());
      assertEquals(7, data.member().lastLife());
    }
  }
}

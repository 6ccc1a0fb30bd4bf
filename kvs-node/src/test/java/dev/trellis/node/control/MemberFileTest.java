package dev.trellis.node.control;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.wire.NodeDescriptor.State;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class MemberFileTest {
  @TempDir Path folder;

  private MemberFile open(boolean keepsData) {
    return MemberFile.open(folder, "c", "n", keepsData);
  }

  @Test
  void whatWasRememberedIsThereAgain() {
    MemberFile first = open(true);
    assertEquals(State.JOINING, first.stateAtStart());
    first.begin(7);
    assertTrue(first.save(State.LEAVING, ClusterState.initial(3)));
    MemberFile second = open(true);
    assertEquals(State.ACTIVE, second.stateAtStart(), "whoever was a member in full is so again");
    second.begin(8);
    assertEquals(List.of(7L), second.former());
    assertEquals(ClusterState.initial(3), second.cluster().orElseThrow());
    MemberFile memory = open(false);
    assertEquals(State.JOINING, memory.stateAtStart());
    memory.begin(9);
    assertEquals(List.of(), memory.former(), "it has the data of none of them");
    assertTrue(MemberFile.isOfUse(folder));
  }

  @Test
  void thatTheNodeHasLeftIsNotForgottenThroughWhatIsSavedAtTheSameTime() throws Exception {
    for (int run = 0; run < 50; run++) {
      Path one = Files.createDirectory(folder.resolve("r" + run));
      MemberFile file = MemberFile.open(one, "c", "n", true);
      file.begin(1);
      CountDownLatch go = new CountDownLatch(1);
      int nodes = 1 + run % 3;
      Thread membership =
          new Thread(
              () -> {
                go.countDown();
                var _ = file.save(State.LEAVING, ClusterState.initial(nodes));
              });
      membership.start();
      go.await();
      file.leave();
      membership.join();
      assertTrue(MemberFile.open(one, "c", "n", true).hasLeft());
      assertFalse(MemberFile.isOfUse(one));
    }
  }
}

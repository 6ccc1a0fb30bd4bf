package dev.trellis.process;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.access.AccessList;
import dev.trellis.access.AccessList.Authentication;
import dev.trellis.access.ApiKey;
import dev.trellis.access.CertificateName;
import dev.trellis.access.KeyRecord;
import dev.trellis.lattice.Payload;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DoorkeeperTest {
  private static final SecureRandom RANDOM = new SecureRandom();

  @TempDir Path folder;

  private static Authentication of(Doorkeeper doorkeeper, ApiKey key) {
    return visit(doorkeeper, key).authentication();
  }

  private static Doorkeeper.Visit visit(Doorkeeper doorkeeper, ApiKey key) {
    return doorkeeper.visit(
        Payload.ofText(key.text()), Optional.empty(), System.currentTimeMillis());
  }

  private static boolean isAdministrator(Doorkeeper doorkeeper, ApiKey key) {
    return of(doorkeeper, key) instanceof Authentication.Known known
        && known.caller().rights().administer();
  }

  private static void await(Runnable look, BooleanSupplier condition) {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
    while (!condition.getAsBoolean()) {
      assertTrue(System.nanoTime() - deadline < 0, "it is not read anew");
      look.run();
    }
  }

  private static Doorkeeper.Visit visit(Doorkeeper doorkeeper, CertificateName.Part part) {
    Doorkeeper.Certificate shown =
        new Doorkeeper.Certificate(new CertificateName("c", part, "x"), "7f");
    return doorkeeper.visit(Payload.EMPTY, Optional.of(shown), 0);
  }

  /// Of all others it is not known yet whether they were revoked.
  @Test
  void beforeTheListIsHeardOnlyThoseAreLetInWithoutWhomItCannotCome() {
    TestSecrets all = new TestSecrets(folder, "c");
    Doorkeeper doorkeeper = new Doorkeeper("c", all.node("n1"));
    assertTrue(visit(doorkeeper, all.administrator()).isEarly());
    assertTrue(visit(doorkeeper, all.administrator()).proof().isEmpty());
    assertTrue(visit(doorkeeper, ApiKey.mint(RANDOM)).isEarly());
    assertTrue(visit(doorkeeper, CertificateName.Part.MONITOR).isEarly());
    assertTrue(visit(doorkeeper, CertificateName.Part.CLIENT).isEarly());
    for (CertificateName.Part part :
        List.of(CertificateName.Part.NODE, CertificateName.Part.ROUTER)) {
      assertTrue(visit(doorkeeper, part).proof().isPresent(), part.name());
      assertFalse(visit(doorkeeper, part).isEarly(), part.name());
    }
    String reason = doorkeeper.unreadiness().orElseThrow();
    assertTrue(reason.contains("list of principals has not been heard yet"), reason);
    // Who shows nothing, or what is of another cluster, need not come again.
    assertFalse(doorkeeper.visit(Payload.EMPTY, Optional.empty(), 0).isEarly());
    Doorkeeper.Certificate green =
        new Doorkeeper.Certificate(
            new CertificateName("green", CertificateName.Part.CLIENT, "x"), "7f");
    assertFalse(doorkeeper.visit(Payload.EMPTY, Optional.of(green), 0).isEarly());

    doorkeeper.heard(
        AccessList.of(Map.of(), Set.of(AccessList.revokedField(AccessList.certificateId("7f")))));
    assertTrue(isAdministrator(doorkeeper, all.administrator()));
    for (CertificateName.Part part : CertificateName.Part.values()) {
      assertTrue(visit(doorkeeper, part).proof().isEmpty(), part.name());
      assertFalse(visit(doorkeeper, part).isEarly(), part.name());
    }
    assertEquals(Optional.empty(), doorkeeper.unreadiness());
  }

  @Test
  void whoIsNoAdministratorAnyMoreIsFoundOutThoughNobodyComes() {
    TestSecrets all = new TestSecrets(folder, "c");
    Secrets secrets = all.node("n1");
    Doorkeeper doorkeeper = new Doorkeeper("c", secrets);
    doorkeeper.heard(AccessList.EMPTY);
    Doorkeeper.Proof proof = visit(doorkeeper, all.administrator()).proof().orElseThrow();
    AtomicInteger changes = new AtomicInteger();
    doorkeeper.onChange(changes::incrementAndGet);
    TestSecrets.replace(secrets, Secrets.ACCESS_KEYS, "");
    await(Thread::onSpinWait, () -> changes.get() == 1);
    assertTrue(doorkeeper.authenticate(proof, 0) instanceof Authentication.Unknown);
  }

  @Test
  void aCertificateWhoseNameNoPrincipalCanHaveIsNobodys() {
    Doorkeeper doorkeeper = new Doorkeeper("c", List.of());
    doorkeeper.heard(AccessList.EMPTY);
    for (String name : List.of("*", "jane doe", "-x", "a\nb")) {
      Doorkeeper.Certificate shown =
          new Doorkeeper.Certificate(
              new CertificateName("c", CertificateName.Part.CLIENT, name), "7f");
      Doorkeeper.Visit visit = doorkeeper.visit(Payload.EMPTY, Optional.of(shown), 0);
      assertTrue(visit.proof().isEmpty(), name);
      assertTrue(visit.authentication() instanceof Authentication.Unknown, name);
    }
  }

  @Test
  void keysOfAdministratorsAreExchangedWhileItKnowsOthers() {
    TestSecrets all = new TestSecrets(folder, "c");
    Secrets secrets = all.node("n1");
    Doorkeeper doorkeeper = new Doorkeeper("c", secrets);
    ApiKey shop = ApiKey.mint(RANDOM);
    doorkeeper.heard(
        AccessList.of(
            Map.of(
                AccessList.keyField(shop.id()),
                new KeyRecord(shop.id(), "shop", shop.hash(RANDOM), 0, 0).text()),
            Set.of()));
    assertTrue(isAdministrator(doorkeeper, all.administrator()));
    AtomicInteger changes = new AtomicInteger();
    doorkeeper.onChange(changes::incrementAndGet);

    ApiKey next = ApiKey.mint(RANDOM);
    KeyRecord record = new KeyRecord(next.id(), AccessList.ADMINISTRATOR, next.hash(RANDOM), 0, 0);
    TestSecrets.replace(secrets, Secrets.ACCESS_KEYS, next.id() + " " + record.text() + "\n");
    await(Thread::onSpinWait, () -> isAdministrator(doorkeeper, next));
    assertTrue(of(doorkeeper, all.administrator()) instanceof Authentication.Unknown);
    assertTrue(of(doorkeeper, shop) instanceof Authentication.Known);
    assertEquals(1, changes.get());

    // What cannot be read changes nothing.
    TestSecrets.replace(secrets, Secrets.ACCESS_KEYS, "half a li");
    long until = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(1_500);
    await(() -> assertTrue(isAdministrator(doorkeeper, next)), () -> System.nanoTime() - until > 0);
    assertEquals(1, changes.get());
  }
}

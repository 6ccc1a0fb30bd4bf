package dev.trellis.access;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.lattice.Payload;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class RightsTest {
  private static final Rights SHOP =
      Rights.of(
          List.of(
              new Grant(Payload.ofText("shop/"), Set.of(Role.READ, Role.WRITE)),
              new Grant(Payload.ofText("news/"), Set.of(Role.READ))));

  @ParameterizedTest
  @CsvSource({
    "shop/a, READ, true",
    "shop/a, WRITE, true",
    "shop/a, ADMIN, false",
    "shop/, WRITE, true",
    "shop, READ, false",
    "shoq/a, READ, false",
    "Shop/a, READ, false",
    "news/a, READ, true",
    "news/a, WRITE, false",
    "'', READ, false",
    "_trellis/mailbox/shop/orders, WRITE, true",
    "_trellis/mailbox/news/orders, WRITE, false",
    "_trellis/mailbox/news/orders, READ, true",
    "_trellis/mailbox/other, READ, false",
    "_trellis/agent-mail/agent/shop/x, WRITE, true",
    "_trellis/agent-mail/agent/bank/x, READ, false",
    "_trellis/agent-mail/replies/4711, WRITE, true",
    "_trellis/commit/0123456789abcdef/0123456789abcdef/shop/a, WRITE, true",
    "_trellis/commit/0123456789abcdef/0123456789abcdef/news/a, READ, true",
    "_trellis/commit/0123456789abcdef/0123456789abcdef/news/a, WRITE, false",
    "_trellis/commit/0123456789abcdef/0123456789abcdef/bank/a, READ, false",
    "_trellis/commit/0123456789abcdef/0123456789abcdef/, READ, false",
    "_trellis/commit/00/11, READ, false",
    "_trellis/invocation/4711, WRITE, true",
    "_trellis/invocation/4711, ADMIN, false",
    "_trellis/access, READ, false",
    "_trellis/access/shop/a, READ, false",
    "_trellis/monitor/decisions, READ, false",
    "_trellis/shop/a, READ, false",
    "_trellis/unheard/shop/a, READ, false",
    "_trellis/, READ, false",
  })
  void aPrefixIsAPrefix(String key, Role role, boolean allowed) {
    assertEquals(allowed, SHOP.allow(role, Payload.ofText(key)));
  }

  @Test
  void whoMayEverythingMayNotReadTheListOfSecrets() {
    Rights all = Rights.of(List.of(new Grant(Payload.EMPTY, Set.of(Role.READ, Role.WRITE))));
    assertTrue(all.allow(Role.WRITE, Payload.ofText("anything")));
    assertTrue(all.allow(Role.WRITE, Payload.ofText("_trellis/mailbox/anything")));
    assertFalse(all.allow(Role.READ, AccessList.KEY));
    assertFalse(all.allow(Role.READ, Payload.ofText("_trellis/monitor/decisions")));
    assertFalse(all.administer());
    Rights named =
        Rights.of(List.of(new Grant(Payload.ofText("_trellis/"), Set.of(Role.READ, Role.WRITE))));
    assertTrue(named.allow(Role.READ, Payload.ofText("_trellis/monitor/decisions")));
    assertFalse(named.allow(Role.READ, AccessList.KEY));
    assertFalse(named.allow(Role.READ, Payload.ofText("a")));
    Rights router = Rights.of(List.of(new Grant(AccessList.KEY, Set.of(Role.READ))));
    assertTrue(router.allow(Role.READ, AccessList.KEY));
    assertFalse(router.allow(Role.WRITE, AccessList.KEY));
    assertTrue(Rights.ALL.allow(Role.WRITE, AccessList.KEY));
    assertTrue(Rights.ALL.administer());
    // Who was granted nothing of users' has no business with what they share.
    assertFalse(router.allow(Role.READ, Payload.ofText("_trellis/invocation/4711")));
    Rights reader = Rights.of(List.of(new Grant(Payload.ofText("news/"), Set.of(Role.READ))));
    assertTrue(reader.allow(Role.READ, Payload.ofText("_trellis/future/4711")));
    assertFalse(reader.allow(Role.WRITE, Payload.ofText("_trellis/future/4711")));
    assertTrue(Rights.NONE.isEmpty());
    assertFalse(Rights.NONE.allow(Role.READ, Payload.ofText("_trellis/invocation/1")));
  }

  @Test
  void aPrefixIsCoveredIfAllThatStartsWithItIs() {
    assertTrue(SHOP.cover(Role.READ, Payload.ofText("shop/")));
    assertTrue(SHOP.cover(Role.READ, Payload.ofText("shop/a")));
    assertFalse(SHOP.cover(Role.READ, Payload.ofText("shop")));
    assertFalse(SHOP.cover(Role.READ, Payload.EMPTY));
    assertFalse(SHOP.cover(Role.READ, Payload.ofText("_trellis/")));
    // What chance has named is for who knows the name, not for who looks around.
    assertFalse(SHOP.cover(Role.READ, Payload.ofText("_trellis/commit/")));
    assertFalse(SHOP.cover(Role.READ, Payload.ofText("_trellis/future/")));
    assertTrue(SHOP.cover(Role.READ, Payload.ofText("_trellis/mailbox/shop/")));
  }

  /// What is granted is what a reader of the grants would say, one by one.
  @Test
  void anyGrantsDoWhatTheySay() {
    Random random = new Random(7);
    for (int run = 0; run < 2_000; run++) {
      List<Grant> grants = new ArrayList<>();
      for (int i = random.nextInt(5); i > 0; i--) {
        Set<Role> roles = EnumSet.noneOf(Role.class);
        for (Role role : Role.values()) {
          if (random.nextInt(3) == 0) {
            roles.add(role);
          }
        }
        grants.add(new Grant(Payload.ofText(word(random)), roles));
      }
      Rights rights = Rights.of(grants);
      String key = word(random) + word(random);
      for (Role role : Role.values()) {
        boolean expected =
            grants.stream()
                .anyMatch(
                    grant ->
                        key.startsWith(grant.prefix().text())
                            && (grant.roles().contains(role)
                                || grant.roles().contains(Role.ADMIN)));
        byte[] padded = ("xx" + key + "yy").getBytes(StandardCharsets.UTF_8);
        assertEquals(expected, rights.allow(role, padded, 2, padded.length - 4), key + grants);
        assertEquals(expected, rights.allow(role, Payload.ofText(key)));
      }
    }
  }

  private static String word(Random random) {
    StringBuilder word = new StringBuilder();
    for (int i = random.nextInt(4); i > 0; i--) {
      word.append("ab/".charAt(random.nextInt(3)));
    }
    return word.toString();
  }
}

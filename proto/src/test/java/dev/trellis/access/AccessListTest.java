package dev.trellis.access;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.access.AccessList.Authentication;
import dev.trellis.lattice.Payload;
import java.security.SecureRandom;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class AccessListTest {
  private static final long NOW = 1_000_000;
  private final SecureRandom random = new SecureRandom();
  private final ApiKey key = ApiKey.mint(random);

  private Map<String, String> registers(long expiresMillis) {
    return Map.of(
        AccessList.keyField(key.id()),
        new KeyRecord(key.id(), "shop", key.hash(random), 1, expiresMillis).text(),
        AccessList.grantField("shop", "shop/a/b"),
        AccessList.text(Set.of(Role.WRITE, Role.READ)),
        AccessList.grantField("shop", ""),
        "read",
        AccessList.allowanceField("shop"),
        AccessList.text(new Allowance(1, 2, 3, 4)));
  }

  @Test
  void whatWasWrittenIsRead() {
    AccessList list = AccessList.of(registers(0), Set.of());
    Authentication.Known known =
        assertInstanceOf(
            Authentication.Known.class, list.authenticate(Payload.ofText(key.text()), NOW));
    assertEquals("shop", known.caller().principal());
    assertEquals(new Allowance(1, 2, 3, 4), known.caller().allowance());
    assertTrue(known.caller().rights().allow(Role.WRITE, Payload.ofText("shop/a/bc")));
    assertFalse(known.caller().rights().allow(Role.WRITE, Payload.ofText("shop/a")));
    assertTrue(known.caller().rights().allow(Role.READ, Payload.ofText("else")));
    assertEquals(Set.of(), list.unreadable());
  }

  @Test
  void nobodyElseIsKnown() {
    AccessList list = AccessList.of(registers(NOW + 1), Set.of());
    ApiKey forged = new ApiKey(key.id(), ApiKey.mint(random).secret());
    assertUnknown("API key " + key.id() + " is not known, or its secret is another", list, forged);
    ApiKey stranger = ApiKey.mint(random);
    assertUnknown(
        "API key " + stranger.id() + " is not known, or its secret is another", list, stranger);
    assertInstanceOf(Authentication.Known.class, list.authenticate(key, NOW));
    assertEquals(
        new Authentication.Unknown("API key " + key.id() + " has expired"),
        list.authenticate(key, NOW + 1));
    assertUnknown(
        "API key " + key.id() + " was revoked",
        AccessList.of(registers(0), Set.of(AccessList.revokedField(key.id()))),
        key);
    assertInstanceOf(Authentication.Unknown.class, list.authenticate(Payload.EMPTY, NOW));
    assertEquals(
        new Authentication.Unknown("what was shown is no API key"),
        list.authenticate(Payload.of(new byte[] {(byte) 0xff, 1}), NOW));
  }

  private static void assertUnknown(String reason, AccessList list, ApiKey key) {
    assertEquals(new Authentication.Unknown(reason), list.authenticate(key, NOW));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "key/0000000000000000=shop",
        "key/0000000000000000=shop 00 00 1 2",
        "key/0000000000000000=../x 00112233445566778899aabbccddeeff 00 1 2",
        "grant/=read",
        "grant/shop/a=read,everything",
        "grant//a=read",
        "grant/peer/=admin",
        "allowance/shop=1 2 3",
        "allowance/shop=1 2 3 -4",
        "allowance/shop=1 2 3 four",
      })
  void whatCannotBeReadGivesNobodyAnything(String field) {
    int at = field.indexOf('=');
    AccessList list =
        AccessList.of(Map.of(field.substring(0, at), field.substring(at + 1)), Set.of());
    assertEquals(Set.of(field.substring(0, at)), list.unreadable());
    assertTrue(list.principal("shop").rights().isEmpty());
    assertEquals(List.of(), list.keys());
    if (field.startsWith("allowance/")) { // nor sets him free
      assertEquals(Allowance.LEAST, list.allowances().get("shop"));
    }
  }

  @Test
  void administratorsOfTheFileGetIn() {
    ApiKey admin = ApiKey.mint(random);
    AccessList list =
        AccessList.EMPTY.withAdministrators(
            List.of(new KeyRecord(admin.id(), "admin", admin.hash(random), 0, 0)));
    Authentication.Known known =
        assertInstanceOf(Authentication.Known.class, list.authenticate(admin, NOW));
    assertTrue(known.caller().rights().administer());
    assertUnknown(
        "API key " + admin.id() + " was revoked",
        AccessList.of(Map.of(), Set.of(AccessList.revokedField(admin.id())))
            .withAdministrators(
                List.of(new KeyRecord(admin.id(), "admin", admin.hash(random), 0, 0))),
        admin);
  }

  @Test
  void textsOfKeysAreReadAndNeverRepeated() {
    assertEquals(key, ApiKey.parse(key.text()));
    assertEquals(68, key.text().length());
    assertFalse(key.toString().contains(key.text().substring(25)));
    assertNotEquals(key.text(), ApiKey.mint(random).text());
    String wrong = key.text() + "x";
    String message =
        assertThrows(IllegalArgumentException.class, () -> ApiKey.parse(wrong)).getMessage();
    assertFalse(message.contains(key.text().substring(25)), message);
  }

  @Test
  void certificatesNameClusterPartAndName() {
    CertificateName name = CertificateName.parse("trellis://prod/node/m-0").orElseThrow();
    assertEquals(new CertificateName("prod", CertificateName.Part.NODE, "m-0"), name);
    assertEquals("trellis://prod/node/m-0", name.uri());
    assertTrue(name.isOf("prod", CertificateName.Part.NODE, "m-0"));
    assertFalse(name.isOf("test", CertificateName.Part.NODE, "m-0"));
    assertFalse(name.isOf("prod", CertificateName.Part.ROUTER, "m-0"));
    assertFalse(name.isOf("prod", CertificateName.Part.NODE, "m-1"));
    assertTrue(
        CertificateName.parse("trellis://prod/node/*")
            .orElseThrow()
            .isOf("prod", CertificateName.Part.NODE, "m-1"));
    assertTrue(CertificateName.parse("trellis://prod/king/x").isEmpty());
    assertTrue(CertificateName.parse("trellis://prod/node/a/b").isEmpty());
    assertTrue(CertificateName.parse("https://prod/node/a").isEmpty());
  }
}

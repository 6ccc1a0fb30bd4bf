package dev.trellis.routing.gateway;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonLocation;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.Limits;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufInputStream;
import io.netty.buffer.ByteBufOutputStream;
import io.netty.buffer.Unpooled;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.util.Base64;

/// How the gateway reads and writes JSON (RFC 8259): strictly, and with bounds on what a document
/// may cost.
final class Json {
  static final String MEDIA_TYPE = "application/json";

  /// The name of the only member of an object that stands for bytes which are no text.
  static final String BASE64 = "base64";

  /// Deep enough for an update at the bottom of a map that is as deep as maps may be.
  private static final int DEPTH_MAX = 4 * Limits.DEPTH_MAX;

  /// A parsed token takes up to about 100 bytes, so that a document of 32 MiB cannot take
  /// gigabytes.
  private static final long TOKENS_MAX = 2_000_000;

  private static final int ROOM = 64 << 10;

  private static final JsonMapper MAPPER =
      JsonMapper.builder(
              JsonFactory.builder()
                  .streamReadConstraints(
                      StreamReadConstraints.builder()
                          .maxNestingDepth(DEPTH_MAX)
                          .maxTokenCount(TOKENS_MAX)
                          .maxStringLength(Limits.FRAME_BYTES_MAX)
                          .build())
                  .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
                  .disable(StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION)
                  .build())
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .enable(DeserializationFeature.USE_BIG_INTEGER_FOR_INTS)
          .build();

  private Json() {}

  /// Writes a document into a generator.
  @FunctionalInterface
  interface Writing {
    void to(JsonGenerator json) throws IOException;
  }

  /// The document in `body`, which is left alone.
  ///
  /// @throws Refusal if it is not exactly one well-formed document; names line and column
  static JsonNode parse(ByteBuf body) {
    try (InputStream in = new ByteBufInputStream(body.duplicate())) {
      JsonNode document = MAPPER.readTree(in);
      if (document.isMissingNode()) {
        throw Refusal.badRequest("the body is empty; a JSON document is needed");
      }
      return document;
    } catch (JsonProcessingException e) {
      JsonLocation at = e.getLocation();
      String place =
          at == null ? "" : " at line " + at.getLineNr() + ", column " + at.getColumnNr();
      throw Refusal.badRequest("malformed JSON" + place + ": " + plain(e));
    } catch (IOException e) {
      // Bytes that are not UTF-8 arrive as a plain IOException without a position.
      throw Refusal.badRequest("malformed JSON: " + e.getMessage());
    }
  }

  /// What Jackson says, without where it thinks the document came from.
  private static String plain(JsonProcessingException e) {
    return e.getOriginalMessage().replaceAll("\\[Source: [^;]*; ([^]]*)\\]", "$1");
  }

  /// A document, with a line feed, as bytes on the heap, so that nobody needs to release it.
  static ByteBuf write(Writing writing) {
    ByteBuf bytes = Unpooled.buffer(256);
    append(bytes, writing);
    return bytes.writeByte('\n');
  }

  /// Writes a document behind what `bytes` hold.
  static void append(ByteBuf bytes, Writing writing) {
    if (bytes.writableBytes() < ROOM) {
      // By itself, a large buffer grows in steps, and a long list of documents would be copied once
      // for each of them.
      bytes.ensureWritable(bytes.capacity());
    }
    try (OutputStream out = new ByteBufOutputStream(bytes);
        JsonGenerator json = MAPPER.createGenerator(out)) {
      writing.to(json);
    } catch (IOException e) {
      throw new UncheckedIOException("writing JSON into memory", e);
    }
  }

  /// Writes bytes as a JSON string where they are UTF-8, else as `{"base64": "…"}`.
  static void writePayload(JsonGenerator json, Payload payload) throws IOException {
    if (payload.isText()) {
      json.writeString(payload.text());
    } else {
      json.writeStartObject();
      json.writeStringField(BASE64, Base64.getEncoder().encodeToString(payload.toBytes()));
      json.writeEndObject();
    }
  }
}

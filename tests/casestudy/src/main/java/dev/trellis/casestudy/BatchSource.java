package dev.trellis.casestudy;

import dev.trellis.client.Handles;
import dev.trellis.client.RegisterHandle;
import dev.trellis.lattice.Payload;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;

/// Where a function that trains finds its batches, and the model as the function before has left
/// it. For one thread.
interface BatchSource {
  /// What it is, for people.
  String name();

  /// A batch, as [ReviewBatches] makes it.
  ///
  /// @return good until the next call
  ByteBuffer batch(int number) throws IOException;

  Payload readModel() throws IOException;

  void writeModel(Payload model) throws IOException;

  /// Files of this machine: what the paper's own machine had. One buffer serves for all.
  final class LocalFiles implements BatchSource {
    static final String NAME = "local files";
    private final Path folder;
    private final byte[] buffer;

    /// @param bytesMax of a batch
    LocalFiles(Path folder, int bytesMax) {
      this.folder = folder;
      this.buffer = new byte[bytesMax];
    }

    @Override
    public String name() {
      return NAME;
    }

    void write(int number, byte[] batch) throws IOException {
      Files.write(file(number), batch);
    }

    @Override
    public ByteBuffer batch(int number) throws IOException {
      try (InputStream file = Files.newInputStream(file(number))) {
        int length = file.readNBytes(buffer, 0, buffer.length);
        // As the store's are, so that the same code, compiled the same way, works on either.
        return ByteBuffer.wrap(buffer, 0, length).asReadOnlyBuffer();
      }
    }

    @Override
    public Payload readModel() throws IOException {
      return Payload.of(Files.readAllBytes(folder.resolve("model")));
    }

    @Override
    public void writeModel(Payload model) throws IOException {
      Files.write(folder.resolve("model"), model.toBytes());
    }

    private Path file(int number) {
      return folder.resolve("batch-" + number);
    }
  }

  /// Registers of the store, with a cache in front of it or without.
  final class Stored implements BatchSource {
    static final String CACHED = "near cache beside the function";
    static final String SHIPPED = "data shipping (no cache)";
    private static final String PREFIX = "casestudy:model-training:";

    /// Should nobody come to delete them.
    private static final Duration KEPT = Duration.ofHours(2);

    private final String name;
    private final Handles handles;
    private final String model;

    /// @param model which of several models is its own
    Stored(String name, Handles handles, String model) {
      this.name = name;
      this.handles = handles;
      this.model = PREFIX + "model:" + model;
    }

    @Override
    public String name() {
      return name;
    }

    void write(int number, byte[] batch) {
      put(batchOf(number), Payload.of(batch));
    }

    @Override
    public ByteBuffer batch(int number) {
      return get(batchOf(number)).asByteBuffer();
    }

    @Override
    public Payload readModel() {
      return get(handles.register(model));
    }

    @Override
    public void writeModel(Payload written) {
      put(handles.register(model), written);
    }

    /// Deletes the model.
    void clear() {
      var _ = handles.register(model).delete();
    }

    /// Deletes the batches.
    void clear(int batches) {
      for (int i = 0; i < batches; i++) {
        var _ = batchOf(i).delete();
      }
    }

    private RegisterHandle batchOf(int number) {
      return handles.register(PREFIX + "batch:" + number);
    }

    private static void put(RegisterHandle register, Payload value) {
      var _ = register.withTtl(KEPT).put(value);
    }

    private static Payload get(RegisterHandle register) {
      return register
          .get()
          .orElseThrow(() -> new IllegalStateException(register.key() + " is gone"));
    }
  }
}

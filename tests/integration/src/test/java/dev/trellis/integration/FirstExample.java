package dev.trellis.integration;

// first-example: README.md shows what follows
import dev.trellis.client.Trellis;
import java.time.Duration;

public class FirstExample {
  public static void main(String[] arguments) {
    String address = arguments.length > 0 ? arguments[0] : "127.0.0.1:7400";
    try (Trellis trellis = Trellis.connect(address)) {
      trellis.register("greeting").withTtl(Duration.ofHours(1)).putText("hello");
      System.out.println(trellis.register("greeting").getText().orElse("nobody greets"));

      System.out.println("visits: " + trellis.counter("visits").add(1));

      trellis.set("langs").add("java", "clojure", "ada");
      trellis.set("langs").remove("ada");
      System.out.println("languages: " + trellis.set("langs").texts());

      trellis.map("profile").register("name").putText("Ann");
      trellis.map("profile").counter("logins").addAsync(2).join();
      System.out.println("fields: " + trellis.map("profile").fields().keySet());
    }
  }
}

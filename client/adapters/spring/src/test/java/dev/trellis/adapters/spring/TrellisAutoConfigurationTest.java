package dev.trellis.adapters.spring;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.causal.InvocationId;
import dev.trellis.client.DefiniteException;
import dev.trellis.client.Trellis;
import dev.trellis.functions.FunctionCall;
import dev.trellis.functions.FunctionFailedException;
import dev.trellis.functions.Functions;
import dev.trellis.functions.Invoker;
import dev.trellis.functions.Result;
import dev.trellis.functions.StoredFuture;
import dev.trellis.junit.TrellisExtension;
import dev.trellis.lattice.Payload;
import dev.trellis.node.TrellisNode;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletionException;
import java.util.function.Function;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.EnableAutoConfiguration;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.messaging.Message;

/// A program made with Spring Boot and Spring Cloud Function, over HTTP, with a real node.
@ExtendWith(TrellisExtension.class)
class TrellisAutoConfigurationTest {
  private static final Duration PATIENCE = Duration.ofMinutes(1);

  /// What a user writes.
  @Configuration(proxyBeanMethods = false)
  @EnableAutoConfiguration
  static class Program {
    @Bean
    Function<Message<byte[]>, Message<byte[]>> visits(Functions functions) {
      return TrellisFunction.of(
          functions,
          (invocation, visitor) -> {
            invocation.counter("visits").add(1);
            Optional<String> before = invocation.register("last").getText();
            invocation.register("last").put(visitor);
            return Payload.ofText(before.orElse("nobody"));
          });
    }

    @Bean
    Function<Message<byte[]>, Message<byte[]>> shout(Functions functions, Invoker invoker) {
      return TrellisFunction.of(
          functions,
          (invocation, word) -> {
            invocation.counter("shouts").add(1);
            return Payload.ofText(word.text() + "!");
          },
          invoker);
    }

    @Bean
    Function<Message<byte[]>, Message<byte[]>> greet(Functions functions, Invoker invoker) {
      return TrellisFunction.of(
          functions,
          (invocation, who) -> {
            invocation.counter("greetings").add(1);
            return Payload.ofText(
                "hello " + who.text() + " " + invocation.counter("shouts").value());
          },
          invoker);
    }

    @Bean
    Function<String, String> plain() {
      return text -> text;
    }
  }

  /// A program that has no store yet.
  @Configuration(proxyBeanMethods = false)
  @EnableAutoConfiguration
  static class Empty {}

  private static ConfigurableApplicationContext start(Class<?> program, String... properties) {
    SpringApplication application = new SpringApplication(program);
    application.setDefaultProperties(
        Map.of(
            "server.port", "0", "spring.main.banner-mode", "off", "logging.level.root", "ERROR"));
    return application.run(properties);
  }

  private static ConfigurableApplicationContext start(TrellisNode node) {
    return start(
        Program.class,
        "--trellis.addresses=127.0.0.1:" + node.descriptor().shardPorts().getFirst(),
        "--trellis.timeout=20s");
  }

  private static HttpResponse<String> visit(
      ConfigurableApplicationContext context, String visitor, String... headers) throws Exception {
    return post(context, "visits", visitor, headers);
  }

  private static HttpResponse<String> post(
      ConfigurableApplicationContext context, String function, String text, String... headers)
      throws Exception {
    String port = context.getEnvironment().getProperty("local.server.port");
    HttpRequest.Builder request =
        HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + "/" + function))
            .header("Content-Type", "text/plain")
            .POST(HttpRequest.BodyPublishers.ofString(text));
    if (headers.length > 0) {
      request.headers(headers);
    }
    try (HttpClient http = HttpClient.newHttpClient()) {
      return http.send(request.build(), HttpResponse.BodyHandlers.ofString());
    }
  }

  @Test
  void aFunctionServesOverHttpAndARepeatedCallCountsOnce(Trellis trellis, TrellisNode node)
      throws Exception {
    try (ConfigurableApplicationContext context = start(node)) {
      String id = Functions.over(trellis).newId().toString();
      for (int call = 0; call < 3; call++) {
        HttpResponse<String> response = visit(context, "ann", "Trellis-Invocation", id);
        assertEquals(200, response.statusCode(), response.body());
      }
      assertEquals(1, trellis.counter("visits").value());

      String now = Instant.now().toString();
      for (int call = 0; call < 2; call++) {
        String[] timed = {"ce-id", "1", "ce-source", "/test", "ce-time", now};
        assertEquals(200, visit(context, "bob", timed).statusCode());
        assertEquals(200, visit(context, "cid", "ce-id", "2", "ce-source", "/s").statusCode());
      }
      assertEquals(3, trellis.counter("visits").value());

      String token = visit(context, "dan").headers().firstValue("Trellis-Session").orElseThrow();
      HttpResponse<String> next = visit(context, "eve", "Trellis-Session", token);
      assertEquals("dan", next.body());
      assertEquals(5, trellis.counter("visits").value());

      HttpResponse<String> bad = visit(context, "eve", "Trellis-Session", "no token");
      assertTrue(bad.statusCode() >= 400, "status " + bad.statusCode());
      assertEquals(5, trellis.counter("visits").value());
    }
  }

  /// Over HTTP comes the first call, twice; the other function is called in the process.
  @Test
  void aFunctionGoesOnWithTheResultOfAnotherAndWhoWaitsNeedNotHaveCalled(
      Trellis trellis, TrellisNode node) throws Exception {
    try (ConfigurableApplicationContext context = start(node)) {
      Functions functions = Functions.over(trellis);
      Invoker invoker = context.getBean(Invoker.class);
      InvocationId id = functions.newId();
      StoredFuture greeted = functions.future(id).then("greet", invoker);
      String[] call = {"Trellis-Invocation", id.toString(), "Trellis-Keep-Result", "true"};
      for (int attempt = 0; attempt < 2; attempt++) {
        HttpResponse<String> response = post(context, "shout", "world", call);
        assertEquals(200, response.statusCode(), response.body());
        assertEquals("world!", response.body());
        assertEquals("hello world! 1", greeted.get(PATIENCE).text());
      }
      assertEquals("world!", functions.future(id).get(PATIENCE).text());
      assertEquals(1, trellis.counter("shouts").value());
      assertEquals(1, trellis.counter("greetings").value());

      // A failure that is kept is handed on.
      InvocationId failed = functions.newId();
      StoredFuture never = functions.future(failed).then("greet", invoker);
      Result kept = Trellis.await(functions.future(failed).failAsync("out of luck", invoker));
      assertEquals("out of luck", kept.failure());
      assertThrows(FunctionFailedException.class, () -> never.get(PATIENCE));
      assertEquals(1, trellis.counter("greetings").value());

      // Without the header nothing is kept, and what keeps nothing is no function to call.
      String another = functions.newId().toString();
      assertEquals(200, post(context, "shout", "x", "Trellis-Invocation", another).statusCode());
      assertEquals(Optional.empty(), functions.future(InvocationId.ofText(another)).poll());
      assertTrue(refusal(invoker, "plain").contains("'plain' is none of TrellisFunction.of"));
      assertTrue(refusal(invoker, "nobody").contains("there is no function 'nobody'"));
    }
  }

  private static String refusal(Invoker invoker, String function) {
    FunctionCall call =
        FunctionCall.of(
            function, Functions.idOf(function, Instant.now()), Payload.ofText("\"text\""));
    CompletionException refused =
        assertThrows(CompletionException.class, () -> invoker.invoke(call).join());
    return String.valueOf(refused.getCause());
  }

  @Test
  void theClientIsAnotherAfterASnapshotAndClosedAtTheEnd(TrellisNode node) {
    Trellis client;
    try (ConfigurableApplicationContext context = start(node)) {
      client = context.getBean(Trellis.class);
      long before = client.clientId();
      context.stop();
      assertThrows(DefiniteException.class, () -> client.counter("restored").value());
      context.start();
      assertNotEquals(before, client.clientId());
      assertEquals(1, client.counter("restored").add(1));
    }
    assertThrows(DefiniteException.class, () -> client.counter("restored").value());
  }

  @Test
  void withoutAddressesThereIsNoClient() {
    try (ConfigurableApplicationContext context = start(Empty.class)) {
      assertEquals(0, context.getBeansOfType(Trellis.class).size());
      assertEquals(0, context.getBeansOfType(Functions.class).size());
    }
    Exception wrong =
        assertThrows(
            Exception.class, () -> start(Empty.class, "--trellis.addresses=nowhere").close());
    Throwable cause = wrong;
    while (cause.getCause() != null) {
      cause = cause.getCause();
    }
    assertTrue(String.valueOf(cause.getMessage()).contains("nowhere"), cause.toString());
  }
}

// Calls Engage over and over, once for each way to read the secret in Java, until standard input ends.
//
//     java Readers TTL [READER]    TTL is the seconds for which caches keep the secret; without a READER, all call
//
// It prints "ready" after the first calls, and at the end a line of JSON: the calls and the failed ones by reader.

import com.amazonaws.secretsmanager.caching.SecretCache;
import com.amazonaws.secretsmanager.caching.SecretCacheConfiguration;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import software.amazon.awssdk.services.secretsmanager.SecretsManagerClient;

final class Readers {
    private static final String SECRET = "engage/token", PATH = "/voice/api/v1/admin/accounts";
    private static final HttpClient HTTP = HttpClient.newHttpClient();
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final CountDownLatch DONE = new CountDownLatch(1);
    private static final Map<String, Map<String, Object>> RESULTS = new ConcurrentHashMap<>();

    private static int ask(String token) throws Exception {
        URI uri = URI.create(System.getenv("ENGAGE_BASE_URL") + PATH);
        HttpRequest request = HttpRequest.newBuilder(uri).header("User-Agent", "readers-java/1.0")
            .header("X-Auth-Token", token).build();
        return HTTP.send(request, HttpResponse.BodyHandlers.discarding()).statusCode();
    }

    private static Callable<Integer> documented(Duration ttl) {
        EngageClient client = new EngageClient(SECRET, null, "readers-client-java/1.0", ttl);
        return () -> client.call(HttpRequest.newBuilder(), PATH).statusCode();
    }

    private static String tokenOf(SecretCache cache) throws Exception {
        return JSON.readTree(cache.getSecretString(SECRET)).required("apiToken").asText();
    }

    private static Callable<Integer> caching(SecretsManagerClient client, Duration ttl, boolean again) {
        SecretCache cache = new SecretCache(new SecretCacheConfiguration().withClient(client)
            .withCacheItemTTL(ttl.toMillis()));
        return () -> {
            int status = ask(tokenOf(cache));
            if ((status == 401 || status == 403) && again) {
                cache.refreshNow(SECRET);
                status = ask(tokenOf(cache));
            }
            return status;
        };
    }

    private static void run(String name, Callable<Integer> call) {
        int calls = 0, failed = 0;
        String error = "";
        try {
            do {
                calls++;
                try {
                    int status = call.call();
                    if (status != 200) {
                        failed++;
                        error = Instant.now() + " status " + status;
                    }
                } catch (Exception e) {
                    failed++;
                    error = Instant.now() + " " + e;
                }
            } while (!DONE.await(200, TimeUnit.MILLISECONDS));
        } catch (InterruptedException e) {
            error = e.toString();
            failed++;
        }
        RESULTS.put(name, Map.of("calls", calls, "failed", failed, "error", error));
    }

    public static void main(String[] args) throws Exception {
        Duration ttl = Duration.ofSeconds(Long.parseLong(args[0]));
        SecretsManagerClient client = SecretsManagerClient.create();
        Map<String, Callable<Integer>> readers = new LinkedHashMap<>();
        readers.put("EngageClient.java", documented(ttl));
        readers.put("caching-java", caching(client, ttl, false));
        readers.put("caching-java-refresh", caching(client, ttl, true));
        if (args.length > 1) readers.keySet().retainAll(List.of(args[1]));
        for (Map.Entry<String, Callable<Integer>> reader : readers.entrySet()) {
            int status = reader.getValue().call();
            if (status != 200) throw new IllegalStateException(reader.getKey() + ": status " + status);
        }
        List<Thread> threads = new ArrayList<>();
        readers.forEach((name, call) -> threads.add(new Thread(() -> run(name, call))));
        threads.forEach(Thread::start);
        System.out.println("ready");
        System.in.transferTo(java.io.OutputStream.nullOutputStream());
        DONE.countDown();
        for (Thread thread : threads) thread.join();
        System.out.println(JSON.writeValueAsString(RESULTS));
    }
}

// Calls Engage Voice with the rotated token, in Java 11 or newer: needs jackson-databind,
// software.amazon.awssdk:secretsmanager, and the permissions of a reader.
//
//     var engage = new EngageClient("engage/token", null, "my-ivr/1.0", Duration.ofMinutes(5)); // once for the process
//     HttpResponse<String> answer = engage.call(HttpRequest.newBuilder(), "/voice/api/v1/admin/accounts");

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import software.amazon.awssdk.core.exception.SdkException;
import software.amazon.awssdk.services.secretsmanager.SecretsManagerClient;

/** Caches the token for a time, and reads the secret again when Engage refuses the token. */
final class EngageClient {
    private static final long SECOND = Duration.ofSeconds(1).toNanos();
    private final SecretsManagerClient secrets = SecretsManagerClient.create();
    private final HttpClient http = HttpClient.newHttpClient(); // follows no redirects
    private final ObjectMapper json = new ObjectMapper();
    private final String secretId, baseUrl, userAgent;
    private final long ttl;
    private String value;
    private long readAt, keptFor, deadAt = System.nanoTime() - SECOND;

    /** Makes a client. A null baseUrl means ENGAGE_BASE_URL, or the vendor's host. */
    EngageClient(String secretId, String baseUrl, String userAgent, Duration ttl) {
        String host = System.getenv().getOrDefault("ENGAGE_BASE_URL", "");
        if (baseUrl != null) host = baseUrl;
        if (host.isEmpty()) host = "https://engage.ringcentral.com";
        this.secretId = secretId;
        this.baseUrl = host.replaceAll("/$", "");
        this.userAgent = userAgent;
        this.ttl = ttl.toNanos();
    }

    /** Returns the current token; refused is the one that Engage has just refused, or null. */
    synchronized String token(String refused) throws IOException {
        long now = System.nanoTime();
        boolean news = refused != null && refused.equals(value) && now - deadAt >= SECOND;
        if (value == null || now - readAt > keptFor || news) {
            try {
                String document = secrets.getSecretValue(r -> r.secretId(secretId)).secretString();
                value = json.readTree(document).required("apiToken").asText();
                keptFor = ttl;
            } catch (SdkException e) {
                if (value == null) throw e;
                keptFor = SECOND; // keep the token that works; try again in a second
            }
            readAt = now;
            if (value.equals(refused)) deadAt = now; // the secret still names it: do not ask again for a second
        }
        return value;
    }

    /** Sends a request to a path and returns its answer. */
    HttpResponse<String> call(HttpRequest.Builder request, String path) throws IOException, InterruptedException {
        if (!path.startsWith("/")) throw new IllegalArgumentException("a path of the API begins with a slash");
        for (String held = token(null); ; ) {
            HttpRequest sent = request.uri(URI.create(baseUrl + path))
                .setHeader("User-Agent", userAgent).setHeader("X-Auth-Token", held).build();
            HttpResponse<String> answer = http.send(sent, HttpResponse.BodyHandlers.ofString());
            if (answer.statusCode() != 401 && answer.statusCode() != 403) return answer;
            String other = token(held);
            if (other.equals(held)) return answer;
            held = other;
        }
    }
}

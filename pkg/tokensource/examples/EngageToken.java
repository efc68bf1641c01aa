// A reader in Java 11 or newer: needs jackson-databind, software.amazon.awssdk:secretsmanager, and the permissions of a
// reader.
//
//     EngageToken token = new EngageToken("engage/token"); // once for the process
//     HttpResponse<String> answer = token.call(HttpRequest.newBuilder(), "/voice/api/v1/admin/accounts");
//
// AWS's SecretCache is not used: it keeps a value for an hour, unless withCacheItemTTL shortens that.

import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import com.fasterxml.jackson.databind.ObjectMapper;
import software.amazon.awssdk.services.secretsmanager.SecretsManagerClient;

/** The current token, cached for a time, and read again when Engage refuses it. */
final class EngageToken {
    private static final URI ENGAGE = URI.create(
        System.getenv().getOrDefault("ENGAGE_BASE_URL", "https://engage.ringcentral.com"));
    private static final long TTL = Duration.ofMinutes(5).toNanos(), PAUSE = Duration.ofSeconds(1).toNanos();
    private final SecretsManagerClient secrets = SecretsManagerClient.create();
    private final HttpClient http = HttpClient.newHttpClient(); // follows no redirects
    private final ObjectMapper json = new ObjectMapper();
    private final String secretId;
    private String token;
    private long readAt, deadAt = System.nanoTime() - PAUSE;

    EngageToken(String secretId) { this.secretId = secretId; }

    synchronized String get(String refused) throws java.io.IOException {
        long now = System.nanoTime();
        boolean news = refused != null && refused.equals(token) && now - deadAt >= PAUSE;
        if (token == null || now - readAt > TTL || news) {
            String document = secrets.getSecretValue(r -> r.secretId(secretId)).secretString();
            token = json.readTree(document).get("apiToken").asText();
            readAt = now;
            if (token.equals(refused)) deadAt = now; // the secret still names it: do not ask again for a second
        }
        return token;
    }

    HttpResponse<String> call(HttpRequest.Builder request, String path) throws Exception {
        for (String value = get(null); ; ) {
            HttpRequest sent = request.uri(ENGAGE.resolve(path)).setHeader("X-Auth-Token", value).build();
            HttpResponse<String> answer = http.send(sent, HttpResponse.BodyHandlers.ofString());
            if (answer.statusCode() != 401 && answer.statusCode() != 403) return answer;
            String other = get(value);
            if (other.equals(value)) return answer;
            value = other;
        }
    }
}

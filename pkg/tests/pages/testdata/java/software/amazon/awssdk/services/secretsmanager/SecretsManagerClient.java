package software.amazon.awssdk.services.secretsmanager;

import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.function.Consumer;

/** The part of AWS's SDK that the reader uses, without signatures and retries. */
public final class SecretsManagerClient {
    public static SecretsManagerClient create() { return new SecretsManagerClient(); }

    public static final class Request {
        private String secretId;

        public Request secretId(String id) {
            secretId = id;
            return this;
        }
    }

    public static final class Response {
        private final String body;

        Response(String body) { this.body = body; }

        /** The field SecretString of the JSON document, whose escapes are those of quotes and backslashes. */
        public String secretString() {
            String text = body.replaceFirst("(?s).*\"SecretString\":\\s*\"", "");
            return text.replaceFirst("(?s)(?<!\\\\)\".*", "").replace("\\\"", "\"").replace("\\n", "\n");
        }
    }

    public Response getSecretValue(Consumer<Request> fill) {
        Request request = new Request();
        fill.accept(request);
        HttpRequest call = HttpRequest.newBuilder(URI.create(System.getenv("AWS_ENDPOINT_URL")))
            .header("X-Amz-Target", "secretsmanager.GetSecretValue").header("Content-Type", "application/x-amz-json-1.1")
            .POST(HttpRequest.BodyPublishers.ofString("{\"SecretId\": \"" + request.secretId + "\"}")).build();
        try {
            return new Response(HttpClient.newHttpClient().send(call, HttpResponse.BodyHandlers.ofString()).body());
        } catch (Exception e) {
            throw new IllegalStateException(e);
        }
    }
}

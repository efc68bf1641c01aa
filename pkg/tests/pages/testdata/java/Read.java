import java.net.http.HttpRequest;
import java.util.Scanner;

/** Calls Engage, and calls it again when a line comes in. */
final class Read {
    public static void main(String[] args) throws Exception {
        EngageToken token = new EngageToken("engage/token");
        System.out.println(token.call(HttpRequest.newBuilder(), "/voice/api/v1/admin/accounts").statusCode());
        new Scanner(System.in).nextLine();
        System.out.println(token.call(HttpRequest.newBuilder(), "/voice/api/v1/admin/accounts").statusCode());
    }
}

package com.fasterxml.jackson.databind;

/** The part of Jackson that the reader uses: a text field of an object. */
public final class ObjectMapper {
    public static final class Node {
        private final String text;

        Node(String text) { this.text = text; }

        public Node get(String field) {
            return new Node(text.replaceFirst("(?s).*\"" + field + "\":\\s*\"", "").replaceFirst("(?s)\".*", ""));
        }

        public String asText() { return text; }
    }

    public Node readTree(String text) throws java.io.IOException { return new Node(text); }
}

# Makes C of the schema: awk -f sql/compile.awk sql/*/*.sql >schema_text.c
# The files of a product come in the order of their numbers. A statement ends
# with the line that ends with ';' - a procedure or trigger with the line "END;".

function product_of(path,   parts, n) {
	n = split(path, parts, "/")
	number = parts[n]
	sub(/\.sql$/, "", number)
	return parts[n - 1]
}

function quote(line) {
	gsub(/\\/, "\\\\", line)
	gsub(/"/, "\\\"", line)
	return "\"" line "\\n\""
}

function end_step() {
	if (step == "")
		return
	if (open) {
		print "compile.awk: " step ": the last statement has no ';'" \
		    >"/dev/stderr"
		exit 1
	}
	print "\tNULL,\n};\n"
	steps[product] = steps[product] "\t{ " number_now ", " step " },\n"
}

BEGIN {
	print "/* Made from sql/ by sql/compile.awk. */"
	print "#include \"store/schema.h\"\n"
}

FNR == 1 {
	end_step()
	product = product_of(FILENAME)
	number_now = number
	step = product "_" number
	printf "static const char *const %s[] = {\n", step
	open = procedure = 0
}

{
	sub(/[ \t]*--.*$/, "")
	if ($0 ~ /^[ \t]*$/)
		next
	if (!open)
		procedure = ($0 ~ /^CREATE (OR REPLACE )?(PROCEDURE|TRIGGER)/)
	is_last = procedure ? /^END;/ : /;[ \t]*$/
	line = $0
	if (is_last)
		sub(/;[ \t]*$/, "", line)
	printf "\t%s%s\n", quote(line), is_last ? "," : ""
	open = !is_last
}

END {
	end_step()
	n = split("sqlite mariadb", products, " ")
	for (i = 1; i <= n; i++)
		printf "const struct store_step store_steps_%s[] = {\n%s\t{ 0, NULL },\n};\n", \
		    products[i], steps[products[i]]
}

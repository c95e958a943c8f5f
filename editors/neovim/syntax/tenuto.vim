" Written by tenuto_server.highlighting; CONTRIBUTING.md says how.
if exists("b:current_syntax")
  finish
endif
let s:cpo_save = &cpo
set cpo&vim
syntax case match
syntax sync minlines=1

syntax cluster tenutoFileContents contains=tenutoDocumentation,tenutoSuppression,tenutoComment,tenutoPattern,tenutoString,tenutoImport,tenutoDeclaration,tenutoClause,tenutoName,tenutoInsideNames,tenutoLabel,tenutoPunctuation,tenutoOperator,tenutoDtype,tenutoType,tenutoWordOperator,tenutoControl,tenutoConstant,tenutoFloat,tenutoInteger,tenutoFunction
syntax cluster tenutoShapeContents contains=tenutoDocumentation,tenutoSuppression,tenutoComment,tenutoPattern,tenutoString,tenutoImport,tenutoDeclaration,tenutoClause,tenutoName,tenutoInsideNames,tenutoLabel,tenutoPunctuation,tenutoOperator,tenutoDtype,tenutoType,tenutoWordOperator,tenutoControl,tenutoConstant,tenutoFloat,tenutoInteger,tenutoDimension,tenutoFunction
syntax cluster tenutoNamesContents contains=tenutoName,tenutoSeparator
syntax cluster tenutoDocumentationContents contains=tenutoCode
syntax cluster tenutoStringContents contains=tenutoEscape,tenutoPlaceholder
syntax cluster tenutoPatternContents contains=tenutoAxis,tenutoArrow,tenutoGrouping

syntax match tenutoGrouping /\v%([(),])/ contained
syntax match tenutoArrow /\v%(\-\>)/ contained
syntax match tenutoAxis /\v%([A-Za-z_][A-Za-z0-9_]*|\.\.\.)/ contained
syntax match tenutoPlaceholder /\v%(\{[A-Za-z_][A-Za-z0-9_]*\})/ contained
syntax match tenutoEscape /\v%(\\%(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|.))/ contained
syntax match tenutoCode /\v%(\`[^`]*\`)/ contained
syntax match tenutoSeparator /\v%(\,)/ contained
syntax match tenutoName /\v%(<%(<%(import|as|record|const|fn|op|deploy|param|sub|let|var|collect|return|assert|assume|for|in|while|else|if|within|not|or|and|true|false|none|inf|then)>)@![A-Za-z_][A-Za-z0-9_]*)/ contained
syntax match tenutoPunctuation /\v%(\(|\)|\[|\]|\{|\}|\,|\:|\.)/
syntax match tenutoOperator /\v%(\=|\?|\||\<|\>|\+|\-|\*|\/|\%|\@)/
syntax match tenutoOperator /\v%(\-\>|\|\>|\.\.|\=\=|\!\=|\<\=|\>\=|\/\/|\*\*)/
syntax match tenutoOperator /\v%(\.\.\.)/
syntax match tenutoName /\v%(<%(<%(import|as|record|const|fn|op|deploy|param|sub|let|var|collect|return|assert|assume|for|in|while|else|if|within|not|or|and|true|false|none|inf|then)>)@![A-Za-z_][A-Za-z0-9_]*)/
syntax match tenutoFunction /\v%(<%(<%(import|as|record|const|fn|op|deploy|param|sub|let|var|collect|return|assert|assume|for|in|while|else|if|within|not|or|and|true|false|none|inf|then)>)@![A-Za-z_][A-Za-z0-9_]*)%(%(\()@=)@=/
highlight default link tenutoProperty1 tenutoProperty
syntax match tenutoPunctuation /\v%(%(\.)@9<!\.)%(%([ \t]*)%([A-Za-z_][A-Za-z0-9_]*))@=/ nextgroup=tenutoProperty1 skipwhite
syntax match tenutoProperty1 /\v[A-Za-z_][A-Za-z0-9_]*/ contained
syntax match tenutoDimension /\v%(<%(<%(import|as|record|const|fn|op|deploy|param|sub|let|var|collect|return|assert|assume|for|in|while|else|if|within|not|or|and|true|false|none|inf|then)>)@![A-Za-z_][A-Za-z0-9_]*)%(%([A-Za-z0-9_([]|\.[^.])@!)@=/ contained
syntax match tenutoInteger /\v%([0-9][0-9_]*)/
syntax match tenutoFloat /\v%(%([^.]\.)@9<!%([0-9][0-9_]*\.[0-9][0-9_]*%([eE][+-]?[0-9]+)?|[0-9][0-9_]*[eE][+-]?[0-9]+))/
syntax match tenutoConstant /\v%(<%(true|false|none|inf)>)/
syntax match tenutoControl /\v%(<%(collect|return|assert|assume|for|while|else|if|then)>)/
syntax match tenutoDeclaration /\v%(<%(record|const|fn|op|deploy|param|sub|let|var)>)/
syntax match tenutoWordOperator /\v%(<%(as|in|within|not|or|and)>)/
syntax match tenutoImport /\v%(<%(import)>)/
syntax match tenutoType /\v%(<[A-Z][A-Za-z0-9_]*[a-z][A-Za-z0-9_]*)%(%(\()@=)@=/
syntax match tenutoType /\v%(<[A-Z][A-Za-z0-9_]*[a-z][A-Za-z0-9_]*)%(%(\[[^[\]]*%(\[[^[\]]*%(\[[^[\]]*\][^[\]]*)*\][^[\]]*)*\]))@=/ nextgroup=tenutoInsideShape2 skipwhite
syntax match tenutoInsideShape2 /\v\[[^[\]]*%(\[[^[\]]*%(\[[^[\]]*\][^[\]]*)*\][^[\]]*)*\]/ contained contains=@tenutoShapeContents
syntax match tenutoDtype /\v%(<%(f64|f32|f16|bf16|f8e4m3|f8e5m2|f8e4m3fnuz|f8e5m2fnuz|f8e8m0|f4e2m1|i64|i32|i16|i8|i4|i2|u64|u32|u16|u8|u4|u2|c64|c128|bool|string|float)>)%(%(\[[^[\]]*%(\[[^[\]]*%(\[[^[\]]*\][^[\]]*)*\][^[\]]*)*\])?)@=/ nextgroup=tenutoInsideShape3 skipwhite
syntax match tenutoInsideShape3 /\v\[[^[\]]*%(\[[^[\]]*%(\[[^[\]]*\][^[\]]*)*\][^[\]]*)*\]/ contained contains=@tenutoShapeContents
highlight default link tenutoType4 tenutoType
syntax match tenutoOperator /\v%(\-\>)%(%([ \t]+)%(<%(<%(import|as|record|const|fn|op|deploy|param|sub|let|var|collect|return|assert|assume|for|in|while|else|if|within|not|or|and|true|false|none|inf|then)>)@![A-Za-z_][A-Za-z0-9_]*%(\.[A-Za-z_][A-Za-z0-9_]*)*)%(\[[^[\]]*%(\[[^[\]]*%(\[[^[\]]*\][^[\]]*)*\][^[\]]*)*\])?%([A-Za-z0-9_.(])@!)@=/ nextgroup=tenutoType4 skipwhite
syntax match tenutoType4 /\v<%(<%(import|as|record|const|fn|op|deploy|param|sub|let|var|collect|return|assert|assume|for|in|while|else|if|within|not|or|and|true|false|none|inf|then)>)@![A-Za-z_][A-Za-z0-9_]*%(\.[A-Za-z_][A-Za-z0-9_]*)*/ contained nextgroup=tenutoInsideShape5 skipwhite
syntax match tenutoInsideShape5 /\v\[[^[\]]*%(\[[^[\]]*%(\[[^[\]]*\][^[\]]*)*\][^[\]]*)*\]/ contained contains=@tenutoShapeContents
highlight default link tenutoType6 tenutoType
syntax match tenutoOperator /\v%(\-\>)%(%([ \t]+)%(<%(<%(import|as|record|const|fn|op|deploy|param|sub|let|var|collect|return|assert|assume|for|in|while|else|if|within|not|or|and|true|false|none|inf|then)>)@![A-Za-z_][A-Za-z0-9_]*)%(\([^()]*%(\([^()]*%(\([^()]*\)[^()]*)*\)[^()]*)*\))%(\[[^[\]]*%(\[[^[\]]*%(\[[^[\]]*\][^[\]]*)*\][^[\]]*)*\]))@=/ nextgroup=tenutoType6 skipwhite
syntax match tenutoType6 /\v<%(<%(import|as|record|const|fn|op|deploy|param|sub|let|var|collect|return|assert|assume|for|in|while|else|if|within|not|or|and|true|false|none|inf|then)>)@![A-Za-z_][A-Za-z0-9_]*/ contained nextgroup=tenutoInsideFile7 skipwhite
syntax match tenutoInsideFile7 /\v\([^()]*%(\([^()]*%(\([^()]*\)[^()]*)*\)[^()]*)*\)/ contained contains=@tenutoFileContents nextgroup=tenutoInsideShape8 skipwhite
syntax match tenutoInsideShape8 /\v\[[^[\]]*%(\[[^[\]]*%(\[[^[\]]*\][^[\]]*)*\][^[\]]*)*\]/ contained contains=@tenutoShapeContents
highlight default link tenutoDtype9 tenutoDtype
syntax match tenutoOperator /\v%(\-\>)%(%([ \t]+)%(<%(f64|f32|f16|bf16|f8e4m3|f8e5m2|f8e4m3fnuz|f8e5m2fnuz|f8e8m0|f4e2m1|i64|i32|i16|i8|i4|i2|u64|u32|u16|u8|u4|u2|c64|c128|bool|string|float)>)%(\[[^[\]]*%(\[[^[\]]*%(\[[^[\]]*\][^[\]]*)*\][^[\]]*)*\])?)@=/ nextgroup=tenutoDtype9 skipwhite
syntax match tenutoDtype9 /\v<%(f64|f32|f16|bf16|f8e4m3|f8e5m2|f8e4m3fnuz|f8e5m2fnuz|f8e8m0|f4e2m1|i64|i32|i16|i8|i4|i2|u64|u32|u16|u8|u4|u2|c64|c128|bool|string|float)>/ contained nextgroup=tenutoInsideShape10 skipwhite
syntax match tenutoInsideShape10 /\v\[[^[\]]*%(\[[^[\]]*%(\[[^[\]]*\][^[\]]*)*\][^[\]]*)*\]/ contained contains=@tenutoShapeContents
highlight default link tenutoType11 tenutoType
syntax match tenutoPunctuation /\v%(\:)%(%([ \t]+)%(<%(<%(import|as|record|const|fn|op|deploy|param|sub|let|var|collect|return|assert|assume|for|in|while|else|if|within|not|or|and|true|false|none|inf|then)>)@![A-Za-z_][A-Za-z0-9_]*%(\.[A-Za-z_][A-Za-z0-9_]*)*)%(\[[^[\]]*%(\[[^[\]]*%(\[[^[\]]*\][^[\]]*)*\][^[\]]*)*\])?%([A-Za-z0-9_.(])@!)@=/ nextgroup=tenutoType11 skipwhite
syntax match tenutoType11 /\v<%(<%(import|as|record|const|fn|op|deploy|param|sub|let|var|collect|return|assert|assume|for|in|while|else|if|within|not|or|and|true|false|none|inf|then)>)@![A-Za-z_][A-Za-z0-9_]*%(\.[A-Za-z_][A-Za-z0-9_]*)*/ contained nextgroup=tenutoInsideShape12 skipwhite
syntax match tenutoInsideShape12 /\v\[[^[\]]*%(\[[^[\]]*%(\[[^[\]]*\][^[\]]*)*\][^[\]]*)*\]/ contained contains=@tenutoShapeContents
highlight default link tenutoType13 tenutoType
syntax match tenutoPunctuation /\v%(\:)%(%([ \t]+)%(<%(<%(import|as|record|const|fn|op|deploy|param|sub|let|var|collect|return|assert|assume|for|in|while|else|if|within|not|or|and|true|false|none|inf|then)>)@![A-Za-z_][A-Za-z0-9_]*)%(\([^()]*%(\([^()]*%(\([^()]*\)[^()]*)*\)[^()]*)*\))%(\[[^[\]]*%(\[[^[\]]*%(\[[^[\]]*\][^[\]]*)*\][^[\]]*)*\]))@=/ nextgroup=tenutoType13 skipwhite
syntax match tenutoType13 /\v<%(<%(import|as|record|const|fn|op|deploy|param|sub|let|var|collect|return|assert|assume|for|in|while|else|if|within|not|or|and|true|false|none|inf|then)>)@![A-Za-z_][A-Za-z0-9_]*/ contained nextgroup=tenutoInsideFile14 skipwhite
syntax match tenutoInsideFile14 /\v\([^()]*%(\([^()]*%(\([^()]*\)[^()]*)*\)[^()]*)*\)/ contained contains=@tenutoFileContents nextgroup=tenutoInsideShape15 skipwhite
syntax match tenutoInsideShape15 /\v\[[^[\]]*%(\[[^[\]]*%(\[[^[\]]*\][^[\]]*)*\][^[\]]*)*\]/ contained contains=@tenutoShapeContents
highlight default link tenutoDtype16 tenutoDtype
syntax match tenutoPunctuation /\v%(\:)%(%([ \t]+)%(<%(f64|f32|f16|bf16|f8e4m3|f8e5m2|f8e4m3fnuz|f8e5m2fnuz|f8e8m0|f4e2m1|i64|i32|i16|i8|i4|i2|u64|u32|u16|u8|u4|u2|c64|c128|bool|string|float)>)%(\[[^[\]]*%(\[[^[\]]*%(\[[^[\]]*\][^[\]]*)*\][^[\]]*)*\])?)@=/ nextgroup=tenutoDtype16 skipwhite
syntax match tenutoDtype16 /\v<%(f64|f32|f16|bf16|f8e4m3|f8e5m2|f8e4m3fnuz|f8e5m2fnuz|f8e8m0|f4e2m1|i64|i32|i16|i8|i4|i2|u64|u32|u16|u8|u4|u2|c64|c128|bool|string|float)>/ contained nextgroup=tenutoInsideShape17 skipwhite
syntax match tenutoInsideShape17 /\v\[[^[\]]*%(\[[^[\]]*%(\[[^[\]]*\][^[\]]*)*\][^[\]]*)*\]/ contained contains=@tenutoShapeContents
highlight default link tenutoLabel18 tenutoLabel
syntax match tenutoPunctuation /\v%([({[,])%(%([ \t]*)%(<%(<%(import|as|record|const|fn|op|deploy|param|sub|let|var|collect|return|assert|assume|for|in|while|else|if|within|not|or|and|true|false|none|inf|then)>)@![A-Za-z_][A-Za-z0-9_]*)%([ \t]*\=%(\=)@!)@=)@=/ nextgroup=tenutoLabel18 skipwhite
syntax match tenutoLabel18 /\v<%(<%(import|as|record|const|fn|op|deploy|param|sub|let|var|collect|return|assert|assume|for|in|while|else|if|within|not|or|and|true|false|none|inf|then)>)@![A-Za-z_][A-Za-z0-9_]*/ contained
highlight default link tenutoLabel19 tenutoLabel
syntax match tenutoPunctuation /\v%([({[,])%(%([ \t]*)%([A-Za-z_][A-Za-z0-9_]*)%([ \t]*\:[ \t])@=)@=/ nextgroup=tenutoLabel19 skipwhite
syntax match tenutoLabel19 /\v[A-Za-z_][A-Za-z0-9_]*/ contained
syntax match tenutoLabel /\v%(^[ \t]*)\zs%(<%(<%(import|as|record|const|fn|op|deploy|param|sub|let|var|collect|return|assert|assume|for|in|while|else|if|within|not|or|and|true|false|none|inf|then)>)@![A-Za-z_][A-Za-z0-9_]*)%(%([ \t]*\=%(\=)@!.*\,[ \t]*$)@=)@=/
syntax match tenutoLabel /\v%(^[ \t]*)\zs%([A-Za-z_][A-Za-z0-9_]*)%(%([ \t]*\:[ \t])@=)@=/
syntax match tenutoInsideNames /\v%(^[ \t]*)\zs%(<%(<%(import|as|record|const|fn|op|deploy|param|sub|let|var|collect|return|assert|assume|for|in|while|else|if|within|not|or|and|true|false|none|inf|then)>)@![A-Za-z_][A-Za-z0-9_]*%([ \t]*\,[ \t]*<%(<%(import|as|record|const|fn|op|deploy|param|sub|let|var|collect|return|assert|assume|for|in|while|else|if|within|not|or|and|true|false|none|inf|then)>)@![A-Za-z_][A-Za-z0-9_]*)+)%(%([ 	]*\=%(\=)@!)@=)@=/ contains=@tenutoNamesContents
highlight default link tenutoClause20 tenutoClause
syntax match tenutoName /\v%(<%(<%(import|as|record|const|fn|op|deploy|param|sub|let|var|collect|return|assert|assume|for|in|while|else|if|within|not|or|and|true|false|none|inf|then)>)@![A-Za-z_][A-Za-z0-9_]*)%(%([ \t]+)%(<rule>)%([ \t]*%([,(#={]|$))@=)@=/ nextgroup=tenutoClause20 skipwhite
syntax match tenutoClause20 /\v<rule>/ contained
syntax match tenutoClause /\v%(<%(precision|target|class|lower)>)%(%([ \t]+%(%(in|and|or|as|then|else|if|for|within|not)>)@![A-Za-z_])@=)@=/
syntax match tenutoClause /\v%(<where>)%(%([ \t]+%(%(in|and|or|as|then|else|if|for|within)>)@!%([A-Za-z0-9_(\"]|\-[A-Za-z0-9_(]))@=)@=/
syntax match tenutoClause /\v%(^[ \t]*)\zs%(<%(where|lower)>)%(%([ \t]*$)@=)@=/
syntax match tenutoDeclaration /\v%(<model>)%(%(\([^()]*%(\([^()]*%(\([^()]*\)[^()]*)*\)[^()]*)*\)[ \t]*\-\>)@=)@=/
highlight default link tenutoDeclared21 tenutoDeclared
syntax match tenutoDeclaration /\v%(<%(const|deploy|param|sub|let|var)>)%(%([ \t]+)%(<%(<%(import|as|record|const|fn|op|deploy|param|sub|let|var|collect|return|assert|assume|for|in|while|else|if|within|not|or|and|true|false|none|inf|then)>)@![A-Za-z_][A-Za-z0-9_]*)%(\[[^[\]]*%(\[[^[\]]*%(\[[^[\]]*\][^[\]]*)*\][^[\]]*)*\])?)@=/ nextgroup=tenutoDeclared21 skipwhite
syntax match tenutoDeclared21 /\v<%(<%(import|as|record|const|fn|op|deploy|param|sub|let|var|collect|return|assert|assume|for|in|while|else|if|within|not|or|and|true|false|none|inf|then)>)@![A-Za-z_][A-Za-z0-9_]*/ contained nextgroup=tenutoInsideShape22 skipwhite
syntax match tenutoInsideShape22 /\v\[[^[\]]*%(\[[^[\]]*%(\[[^[\]]*\][^[\]]*)*\][^[\]]*)*\]/ contained contains=@tenutoShapeContents
highlight default link tenutoType23 tenutoType
syntax match tenutoDeclaration /\v%(<%(model|record|type)>)%(%([ \t]+)%(<%(<%(import|as|record|const|fn|op|deploy|param|sub|let|var|collect|return|assert|assume|for|in|while|else|if|within|not|or|and|true|false|none|inf|then)>)@![A-Za-z_][A-Za-z0-9_]*)%(\[[^[\]]*%(\[[^[\]]*%(\[[^[\]]*\][^[\]]*)*\][^[\]]*)*\])?)@=/ nextgroup=tenutoType23 skipwhite
syntax match tenutoType23 /\v<%(<%(import|as|record|const|fn|op|deploy|param|sub|let|var|collect|return|assert|assume|for|in|while|else|if|within|not|or|and|true|false|none|inf|then)>)@![A-Za-z_][A-Za-z0-9_]*/ contained nextgroup=tenutoInsideShape24 skipwhite
syntax match tenutoInsideShape24 /\v\[[^[\]]*%(\[[^[\]]*%(\[[^[\]]*\][^[\]]*)*\][^[\]]*)*\]/ contained contains=@tenutoShapeContents
highlight default link tenutoFunction25 tenutoFunction
syntax match tenutoDeclaration /\v%(<%(fn|op)>)%(%([ \t]+)%(<%(<%(import|as|record|const|fn|op|deploy|param|sub|let|var|collect|return|assert|assume|for|in|while|else|if|within|not|or|and|true|false|none|inf|then)>)@![A-Za-z_][A-Za-z0-9_]*)%(\[[^[\]]*%(\[[^[\]]*%(\[[^[\]]*\][^[\]]*)*\][^[\]]*)*\])?)@=/ nextgroup=tenutoFunction25 skipwhite
syntax match tenutoFunction25 /\v<%(<%(import|as|record|const|fn|op|deploy|param|sub|let|var|collect|return|assert|assume|for|in|while|else|if|within|not|or|and|true|false|none|inf|then)>)@![A-Za-z_][A-Za-z0-9_]*/ contained nextgroup=tenutoInsideShape26 skipwhite
syntax match tenutoInsideShape26 /\v\[[^[\]]*%(\[[^[\]]*%(\[[^[\]]*\][^[\]]*)*\][^[\]]*)*\]/ contained contains=@tenutoShapeContents
highlight default link tenutoModule27 tenutoModule
syntax match tenutoImport /\v%(<import>)%(%([ \t]+)%([A-Za-z_][A-Za-z0-9_]*%(\.[A-Za-z_][A-Za-z0-9_]*)*))@=/ nextgroup=tenutoModule27 skipwhite
syntax match tenutoModule27 /\v[A-Za-z_][A-Za-z0-9_]*%(\.[A-Za-z_][A-Za-z0-9_]*)*/ contained
syntax match tenutoString /\v%("%([^"\\]|\\.)*)/ contains=@tenutoStringContents
syntax match tenutoString /\v%("%([^"\\]|\\.)*")/ contains=@tenutoStringContents
syntax match tenutoPattern /\v%("[A-Za-z0-9_ \t(),.]*\-\>[A-Za-z0-9_ \t().]*")/ contains=@tenutoPatternContents
syntax match tenutoComment /\v%(\#.*)/
highlight default link tenutoComment28 tenutoComment
syntax match tenutoSuppression /\v%(\#[ \t]*tenuto\:[ \t]*allow\([^)]*\))%(%(.*))@=/ nextgroup=tenutoComment28 skipwhite
syntax match tenutoComment28 /\v.*/ contained
syntax match tenutoDocumentation /\v%(\#[#!].*)/ contains=@tenutoDocumentationContents

highlight default link tenutoComment Comment
highlight default link tenutoDocumentation SpecialComment
highlight default link tenutoSuppression PreProc
highlight default link tenutoCode Delimiter
highlight default link tenutoString String
highlight default link tenutoEscape SpecialChar
highlight default link tenutoPlaceholder Special
highlight default link tenutoPattern String
highlight default link tenutoAxis Identifier
highlight default link tenutoArrow Operator
highlight default link tenutoGrouping Delimiter
highlight default link tenutoControl Statement
highlight default link tenutoDeclaration Keyword
highlight default link tenutoImport Include
highlight default link tenutoClause StorageClass
highlight default link tenutoWordOperator Conditional
highlight default link tenutoConstant Constant
highlight default link tenutoInteger Number
highlight default link tenutoFloat Float
highlight default link tenutoDtype Type
highlight default link tenutoType Structure
highlight default link tenutoFunction Function
highlight default link tenutoModule Include
highlight default link tenutoDimension Identifier
highlight default link tenutoLabel Label
highlight default link tenutoProperty Identifier
highlight default link tenutoDeclared Identifier
highlight default link tenutoName NONE
highlight default link tenutoOperator Operator
highlight default link tenutoPunctuation Delimiter
highlight default link tenutoSeparator Delimiter

let b:current_syntax = "tenuto"
let &cpo = s:cpo_save
unlet s:cpo_save
